"""The report: one file that loads nothing, runs nothing, and can be read by everyone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from bad_bench import Bench
from fixtures.fakes import Dreamer, Listener, MemoryPack

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.scoring.report.html.element import join, tag
from lipsync_cli.scoring.report.html.page import make_page
from lipsync_cli.scoring.report.text_table import make_lines, make_records
from lipsync_cli.scoring.results.records import Results, make_results, read_results, relabel

EVIL = "\"><img src=x onerror=alert(1)><script>alert('&')</script>\x00"
VOID = {"meta", "img", "br", "line", "path", "rect", "circle"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and keeps what a test asks for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.fixture(scope="module")
def records(memory_pack: MemoryPack) -> dict[str, list[dict[str, Any]]]:
    """Records of a model that listens and of one that does not."""
    families = find_metric_groups(["mouth_psnr", "crop_ssim", "crop_psnr"])
    return {
        name: make_records(score_pack(memory_pack, generator, max_frames=60, families=families)[0])
        for name, generator in (("listener", Listener()), ("dreamer", Dreamer()))
    }


@pytest.fixture
def results(records: dict[str, list[dict[str, Any]]]) -> dict[str, Results]:
    return {name: make_results(of, name) for name, of in records.items()}


def test_what_is_read_back_is_what_was_written(records: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "scores.jsonl").write_text(make_lines(records["listener"]), encoding="utf-8")
    results = read_results(tmp_path / "ann")
    assert results.label == "ann"
    assert len(results.clips) == 3
    assert sum(len(of.values) for of in results.figures["model"]["mouth_psnr"].values()) == 60
    written = next(r for r in records["listener"] if r.get("row") == "model" and r["metric"] == "crop_ssim")
    assert results.overall["model"]["crop_ssim"].mean == written["mean"]
    (tmp_path / "lipgan").mkdir()
    (tmp_path / "ann").rename(tmp_path / "lipgan" / "scores")
    assert read_results(tmp_path / "lipgan" / "scores").label == "lipgan"
    (tmp_path / "lipgan" / "scores").rename(tmp_path / "ann")
    assert [one.label for one in relabel([results, read_results(tmp_path / "ann")])] == ["ann (1)", "ann (2)"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no scores"),
        ("<html>", "line 1 is no JSON"),
        ("[" * 100_000, "line 1 is no JSON"),
        ("[1]", "line 1 is no record"),
        ('{"kind": "protocol"}', "older lipsync"),
        ('{"kind": "protocol", "metrics": {"x": {"digits": 1e9}}, "rows": {"model": "m"}}', "another form"),
        ('{"kind": "protocol", "metrics": {}, "rows": {}}', "no row that is scored"),
        ('{"kind": "protocol", "metrics": {}, "rows": {"model": "m"}}\n{"kind": "x"}', "another form"),
        ('{"kind": "protocol", "metrics": {}, "rows": {"model": NaN}}', "line 1 is no JSON"),
    ],
)
def test_a_file_that_holds_no_scores_is_refused_in_a_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_results(tmp_path / "x.jsonl")
    assert "\n" not in str(caught.value)


def test_texts_are_escaped_and_markup_is_not_escaped_twice() -> None:
    assert tag("b", "<i>", tag("i", "&")) == "<b>&lt;i&gt;<i>&amp;</i></b>"
    assert tag("a", href='"x"', class_="y", hidden=False, open=True) == '<a href="&quot;x&quot;" class="y" open></a>'
    assert join("a\x00b", None, ["<", 1]) == "a\ufffdb&lt;1"


def poison(value: Any, name: str = "") -> Any:
    """Put markup into every text that a file could bring, except where the reader asks for a known word."""
    if isinstance(value, dict):
        return {key: poison(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [poison(inner, name) for inner in value]
    return (
        EVIL + value
        if isinstance(value, str) and name not in {"kind", "row", "metric", "per", "direction", "group"}
        else value
    )


def test_no_name_from_a_file_becomes_markup(records: dict[str, list[dict[str, Any]]]) -> None:
    evil = json.loads(json.dumps(poison(records["listener"])))
    evil.append(evil[1] | {"mean": None, "reason": EVIL, "row": "copy", "group": "all"})
    evil[0]["files"] = [{"output": EVIL, "x": [EVIL]}]
    read = make_results(evil, EVIL)
    for name in list(read.summary["all"]["copy"]):
        del read.summary["all"]["copy"][name]
    page = make_page([read, make_results(evil, EVIL + "2")], EVIL, EVIL, with_pictures=True)
    reader = Reader(page)
    assert not reader.open
    assert {name for name, _ in reader.elements} <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "nav",
        "ul",
        "li",
        "a",
        "main",
        "section",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "abbr",
        "strong",
        "code",
        "pre",
        "dl",
        "dt",
        "dd",
        "details",
        "summary",
        "figure",
        "figcaption",
        "svg",
        "g",
        "line",
        "path",
        "rect",
        "circle",
        "text",
        "article",
        "caption",
        "footer",
    }
    for _, attributes in reader.elements:
        assert not any(key.startswith("on") or key == "style" for key in attributes)
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:"))  # type: ignore[union-attr]
    assert reader.text.count("alert('&')") > 20
    assert "\x00" not in page


def test_the_page_may_load_nothing_and_run_nothing(results: dict[str, Results]) -> None:
    page = make_page([results["listener"]], "a heading", with_pictures=False)
    policy = next(of["content"] for name, of in Reader(page).elements if of.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:;")
    assert not re.search(r"https?://|<script|@import|url\(", page)


def test_every_model_has_a_column_and_their_difference_a_verdict(results: dict[str, Results]) -> None:
    one = Reader(make_page([results["listener"]], "one", with_pictures=False)).text
    assert "Differences" not in one
    page = make_page(list(results.values()), "two", with_pictures=False)
    reader = Reader(page)
    assert not reader.open
    for words in (
        "listener",
        "dreamer",
        "listener, mismatched audio",
        "dreamer, mismatched audio",
        "dreamer is",
        "▼ worse",
    ):
        assert words in reader.text
    assert results["listener"].protocol["fingerprint"] in reader.text
    for name, attributes in reader.elements:
        if name == "th":
            assert attributes.get("scope") in ("row", "col", "rowgroup")
        if attributes.get("role") == "region":
            assert attributes["aria-label"]
    drawings = page.count('role="img"')
    assert drawings == page.count('role="img"><title>') > 6


def test_results_of_different_packs_do_not_share_a_page(records: dict[str, list[dict[str, Any]]]) -> None:
    other = [records["dreamer"][0] | {"fingerprint": "1" * 64}, *records["dreamer"][1:]]
    with pytest.raises(InputError, match="fingerprint"):
        make_page([make_results(records["listener"], "a"), make_results(other, "b")], "two", with_pictures=False)


def test_the_command_writes_pictures_films_and_what_they_are_of(
    bench: Bench, lipsync: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.folder
    monkeypatch.chdir(folder)
    scored = lipsync(
        "score", "grid.h5", "--weights", "tiny.safetensors", "--metrics", "mouth_psnr,crop_psnr", "--max-frames", 6,
        "-o", "a.jsonl", "--report", "a.html",
    )  # fmt: skip
    assert scored.returncode == 0, scored.stderr
    reader = Reader((folder / "a.html").read_text(encoding="utf-8"))
    sources = [str(of["src"]) for _, of in reader.elements if "src" in of]
    assert [source[:30] for source in sources].count("data:video/mp4;base64,AAAAIGZ0"[:30]) == 1
    pictures = [of for name, of in reader.elements if name == "img"]
    assert len(pictures) == 3 * 4
    assert all(str(of["src"]).startswith("data:image/webp;base64,") and "frame" in str(of["alt"]) for of in pictures)
    facts = json.loads((folder / "a.jsonl").read_text().splitlines()[0])
    assert facts["weights"]["sha256"] in reader.text
    assert facts["command"] in reader.text

    (folder / "tiny.safetensors").unlink()
    again = lipsync("score", "--compare", "a.jsonl", "a.jsonl", "--report", "b.html", "--json")
    assert again.returncode == 0, again.stderr
    assert {line["difference"] for line in json.loads(again.stdout)["comparisons"][0]["differences"]} == {0.0}
    assert "tiny.safetensors" in again.stderr
    assert "No pictures:" in Reader((folder / "b.html").read_text(encoding="utf-8")).text


def test_frames_of_a_video_come_in_the_order_they_were_asked_for(clip_folder: Path) -> None:
    import numpy as np

    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.scoring.report.replay import read_frames_at

    clip = clip_folder / "ann" / "a1.mp4"
    frames = np.stack([frame.copy() for frame in read_frames(clip)])
    shown = read_frames_at(clip, np.array([15, 3, 3, 9]), 1000)
    apart = np.abs(shown[:, None].astype(int) - frames[None]).mean((2, 3, 4))
    assert apart.argmin(1).tolist() == [15, 3, 3, 9]
