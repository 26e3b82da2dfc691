"""The docs: links lead somewhere, every page can be found from the index, and lines and words are plain."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
INDEX = DOCS / "index.md"
GENERATED = {DOCS / "reference" / name for name in ("cli.md", "config.md")}  # as the program prints it
PROSE = sorted(
    {*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))}
)
LINKING = sorted({*PROSE, *ROOT.glob("examples/*.md"), *ROOT.glob("lipsync_cli/assets/*.md")})
EXPERIMENTS = sorted((DOCS / "experiments").glob("[0-9]*.md"))
MAX_LINE = 120
MAX_README_LINES = 120
# A metric's definition is compared between reports, so its text stays: (page as it was called, file).
PINNED = {("docs/metrics.md", "lipsync_cli/metrics/mouth/movement.py")}

# Word of old -> the term that docs/glossary.md has for it.
OLD_WORDS = {
    r"wrong (audio|sound|speech)|foreign (speech|sound)|other sound": "mismatched audio",
    r"control rows?": "baselines",
    r"critics?": "discriminator",
    r"films?": "video",
    r"footage": "source video",
    r"gone on with": "resumed",
    r"judges?|judged": "evaluator",
    r"lend(s|er|ers)?|lent": "reference frame",
    r"resting (face|frame)s?": "rest frame",
    r"slopes?": "gradient norm",
    r"strangers?": "unseen speaker",
    r"verbs?": "command",
}
MAY_QUOTE = {DOCS / "glossary.md"}  # names the old words
MAY_SAY = {("critic", DOCS / "reference" / "recipes.md")}  # the papers' word for a discriminator, said once


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def strip_code(text: str) -> str:
    """Blank out fenced and indented code, and what a script writes, line for line."""
    lines, fenced, generated = [], False, False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        generated = (generated or line.startswith("<!-- begin")) and not line.startswith("<!-- end")
        lines.append("" if fence or fenced or generated or line.startswith("    ") else line)
    return "\n".join(lines)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    anchors: set[str] = set()
    for heading in re.findall(r"^#+ +(.*)$", strip_code(page.read_text("utf-8")), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchors.add(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return anchors


def links_of(page: Path) -> list[str]:
    """Targets of a page's links and pictures that lie in the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", strip_code(page.read_text("utf-8")))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def resolve(page: Path, target: str) -> tuple[Path, str]:
    path, _, anchor = unquote(target).partition("#")
    return (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", LINKING, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in links_of(page):
        file, anchor = resolve(page, target)
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)
    assert not broken


def test_every_page_can_be_reached_from_the_index() -> None:
    seen, waiting = {INDEX}, [INDEX]
    while waiting:
        page = waiting.pop()
        found = {resolve(page, target)[0] for target in links_of(page)}
        new = {file for file in found if file.suffix == ".md" and DOCS in file.parents} - seen
        seen |= new
        waiting += new
    assert not {name_of(page) for page in set(DOCS.rglob("*.md")) - seen}


@pytest.mark.parametrize("page", sorted(set(PROSE) - GENERATED), ids=name_of)
def test_lines_are_short(page: Path) -> None:
    text = re.sub(r"<!-- begin.*?<!-- end -->", "", page.read_text("utf-8"), flags=re.DOTALL)
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("|")]  # a table's row is one line
    assert not [line for line in lines if len(line) > MAX_LINE]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", sorted(set(PROSE) - MAY_QUOTE), ids=name_of)
def test_words_are_those_of_the_glossary(page: Path) -> None:
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|<!--.*?-->", " ", strip_code(page.read_text("utf-8")))
    found = {
        f"{match[0]!r}: say {term!r}"
        for words, term in OLD_WORDS.items()
        for match in re.finditer(rf"\b({words})\b", text, re.IGNORECASE)
        if (match[0].lower(), page) not in MAY_SAY
    }
    assert not found


def test_old_words_are_explained_by_terms_of_the_glossary() -> None:
    glossary = (DOCS / "glossary.md").read_text("utf-8").lower()
    assert not [term for term in OLD_WORDS.values() if term not in glossary]


def test_every_experiment_is_listed_and_says_what_it_asked_and_found() -> None:
    index = (DOCS / "experiments" / "index.md").read_text("utf-8")
    numbers = [page.name[:3] for page in EXPERIMENTS]
    assert numbers == [f"{number:03}" for number in range(1, len(EXPERIMENTS) + 1)]
    for page in EXPERIMENTS:
        text = page.read_text("utf-8")
        question = re.search(r"\* \*\*Question:\*\* (.*?)\n\* ", text, re.DOTALL)
        verdict = re.search(r"\* \*\*Verdict:\*\* (kept|not kept|open)\.", text)
        assert question, page.name
        assert verdict, page.name
        assert "* **Weights:**" in text, page.name
        asked = " ".join(question[1].split())
        assert f"| [{page.name[:3]}]({page.name}) | {asked} | {verdict[1]} |" in index


def test_pages_that_the_code_names_exist() -> None:
    sources = [*ROOT.glob("lipsync_cli/**/*.py"), *ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/**/*.py")]
    named = {
        (page, name_of(file)) for file in sources for page in re.findall(r"docs/[\w/-]+\.md", file.read_text("utf-8"))
    }
    assert not {(page, file) for page, file in named - PINNED if not (ROOT / page).exists()}
