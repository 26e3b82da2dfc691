"""The pages that the program writes, on a phone and on a desk, light and dark: none is wider than the screen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fixtures.fakes import Dreamer, Listener, MemoryPack
from real_browser import Browse

from lipsync_cli.config.build import make
from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.message_report import MessageReport
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.scoring.ratings.rating_page import find_items, make_rating_page, name_items
from lipsync_cli.scoring.report.html.page import make_page
from lipsync_cli.scoring.report.text_table import make_records
from lipsync_cli.scoring.results.records import Results, make_results
from lipsync_cli.synthesis.messages import Message

PAGES = ("score", "compare", "messages", "rating")
LONG = "a-model-with-a-name-of-its-own-that-goes-on-and-on-without-a-single-space"
# Everything unfolded. Wider than the screen may be only what scrolls in a box that is not.
CODE = """
const found = {};
for (const [name, path] of Object.entries(values)) {
  await page.goto("file://" + path);
  found[name] = await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const hidden of document.querySelectorAll("[hidden]")) hidden.hidden = false;
    const wide = [...document.body.querySelectorAll("*")].filter(each =>
      each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll table, svg"));
    const style = getComputedStyle(document.body);
    return { scroll: document.scrollingElement.scrollWidth, inner: innerWidth, wide: wide.map(each => each.outerHTML
      .slice(0, 80)), tables: document.querySelectorAll("table").length, height: document.body.scrollHeight,
      bright: getComputedStyle(document.documentElement).getPropertyValue("--paper").trim(), colour: style.color };
  });
}
return found;
"""


def score(pack: MemoryPack, generator: Any, name: str) -> Results:
    families = find_metric_groups(["mouth_psnr", "crop_ssim", "crop_psnr"])
    records = make_records(score_pack(pack, generator, max_frames=30, families=families)[0])
    return make_results(json.loads(json.dumps(records)), name)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, memory_pack: MemoryPack, make_clip: Any) -> dict[str, str]:
    """A page of each kind, with long names: its path by its name."""
    failures: list[LipsyncError] = []
    folder = tmp_path_factory.mktemp("pages")
    results = [score(memory_pack, Listener(), LONG), score(memory_pack, Dreamer(), f"{LONG}-2")]
    pages = {
        "score": make_page(results[:1], LONG, f"lipsync score {LONG}", with_pictures=False),
        "compare": make_page(results, f"{LONG} {LONG}", "lipsync score", with_pictures=False),
    }
    make_clip(folder / "pairs" / LONG / "clip.mp4", 5)
    (folder / "pairs" / LONG / "clip.sound.wav").unlink(missing_ok=True)
    pages["rating"] = make_rating_page(name_items(find_items(folder / "pairs")))
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    make_clip(folder / f"{LONG}.mp4", 5)
    report = MessageReport(
        make(InferConfig, face="ann.mp4", speech=[], report=folder / "messages.html"), failures.append
    )
    report.add(Message(folder / "hello.wav", folder / f"{LONG}.mp4"))
    report.add(Message(folder / "hello.wav", folder / "missing.mp4"))
    report.fail(InputError(f"{LONG} cannot be read", folder / "hello.wav"))
    report.write()
    return {name: str(folder / f"{name}.html") for name in PAGES}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen_and_none_loads_anything(
    browse: Browse, pages: dict[str, str], width: int, dark: bool
) -> None:
    seen = browse(CODE, pages, width=width, dark=dark)
    assert set(seen.result) == set(PAGES)
    for name, found in seen.result.items():
        assert found["inner"] == width, name
        assert found["scroll"] <= width, (name, found["wide"])
        assert found["wide"] == [], name
        assert found["height"] > 200, name
    assert min(seen.result[name]["tables"] for name in ("score", "compare")) >= 3
    assert {seen.result[name]["bright"] for name in ("score", "compare", "messages")} == {
        "#14171b" if dark else "#ffffff"
    }
    assert seen.requests == []
    assert seen.problems == []
