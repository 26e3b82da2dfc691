"""The page for ratings in a real browser: by keyboard alone, kept over a reload, saved, and read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from real_browser import Browse, Seen
from typer.testing import CliRunner

from lipsync_cli import cli

CONDITIONS, CLIPS = ("mine", "real"), ("one", "two")
# Rates two videos, comes back to an empty page, goes on by the same name, and saves with Enter.
CODE = """
const { writeFileSync, readFileSync, existsSync, mkdtempSync } = await import("node:fs");
const folder = mkdtempSync(values.folder + "/saved-");
const client = await page.createCDPSession();
await client.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
const at = () => page.$eval("#count", count => count.textContent);
const shown = [];
const watch = async () => {
  await page.waitForFunction(() => !document.querySelector("button[value]").disabled, { timeout: 30000 });
  shown.push(await page.$eval("#video", video => video.src));
};
await page.goto("file://" + values.path);
await page.keyboard.type("Ann B");
await page.keyboard.press("Enter");
const start = await at();
await page.keyboard.press("5");
const early = await at();
await watch();
await page.keyboard.press("0");
await page.keyboard.press(values.keys[0]);
await watch();
await page.keyboard.press("Backspace");
const back = await at();
const pressed = await page.$eval("button[aria-pressed=true]", button => button.value);
await page.keyboard.press(values.keys[0]);
await page.keyboard.press(" ");
await watch();
await page.keyboard.press(values.keys[1]);
await page.reload();
const asked = await page.$eval("#rater", input => input.value);
await page.keyboard.press("Enter");
const after = await at();
for (const key of values.keys.slice(2)) { await watch(); await page.keyboard.press(key); }
const csv = await page.$eval("#csv", area => area.value);
const name = await page.$eval("#save", link => link.download);
await page.keyboard.press("Enter");
for (let n = 0; n < 100 && !existsSync(`${folder}/${name}`); n++) await new Promise(done => setTimeout(done, 100));
const saved = readFileSync(`${folder}/${name}`, "utf-8");
await page.reload();
await page.evaluate(() => { document.getElementById("rater").value = ""; });
await page.keyboard.type("Bob");
await page.keyboard.press("Enter");
const other = await at();
const sources = await page.evaluate(() => JSON.parse(document.getElementById("items").textContent));
return { start, early, back, pressed, asked, after, csv, name, saved, other, path: `${folder}/${name}`,
  order: shown.map(source => sources.find(each => each.source === source).item) };
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make_clip: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("ratings") / "pairs"
    for number, (condition, clip) in enumerate((each, one) for each in CONDITIONS for one in CLIPS):
        make_clip(folder / condition / f"{clip}.mp4", 5 + number, size=96)
    for sound in folder.glob("*/*.wav"):
        sound.unlink()
    result = CliRunner().invoke(cli.app, ["score", "--rate", str(folder)])
    assert result.exit_code == 0, result.stderr
    return folder.with_suffix(".html")


@pytest.fixture(scope="module")
def seen(browse: Browse, page: Path) -> Seen:
    return browse(CODE, {"path": str(page), "folder": str(page.parent), "keys": ["4", "2", "5", "1"]})


def test_keys_rate_each_video_once_it_was_seen(seen: Seen) -> None:
    found = seen.result
    assert found["start"] == found["early"] == "1 of 4"
    assert (found["back"], found["pressed"]) == ("1 of 4", "4")
    assert [line.rsplit(",", 1)[1] for line in found["csv"].splitlines()] == ["rating", "4", "2", "5", "1"]
    assert seen.problems == []
    assert seen.requests == []


def test_a_reload_keeps_what_was_rated_and_the_order(seen: Seen) -> None:
    found = seen.result
    assert (found["asked"], found["after"]) == ("Ann B", "3 of 4")
    order = [line.split(",")[2] for line in found["csv"].splitlines()[1:]]
    assert list(dict.fromkeys(found["order"])) == order
    assert set(Counter(order).values()) == {1}
    assert found["other"] == "1 of 4"  # another rater begins anew


def test_what_is_saved_is_read_back_with_the_key(seen: Seen, page: Path) -> None:
    found = seen.result
    assert found["name"] == "ratings-Ann_B.csv"
    assert found["saved"].splitlines() == found["csv"].splitlines()
    key = {row.split(",")[0]: row.split(",")[1] for row in page.with_suffix(".key.csv").read_text().splitlines()[1:]}
    given: dict[str, list[int]] = {condition: [] for condition in CONDITIONS}
    for row in found["csv"].splitlines()[1:]:
        given[key[row.split(",")[2]]].append(int(row[-1]))
    files = [found["path"], str(page.with_suffix(".key.csv"))]
    result = CliRunner().invoke(cli.app, ["score", "--ratings", *files, "--json"])
    assert result.exit_code == 0, result.stderr
    means = {each["condition"]: each["mean"] for each in json.loads(result.stdout)["opinions"]}
    assert means == {condition: sum(values) / 2 for condition, values in given.items()}


def test_orders_differ_and_the_page_fits_a_phone(browse: Browse, page: Path) -> None:
    code = """
    const orders = [];
    await page.goto("file://" + values);
    for (let n = 0; n < 8; n++) {
      orders.push(await page.evaluate(() => makeSession(JSON.parse(document.getElementById("items").textContent), "x",
        Math.random).items.map(each => each.item).join(" ")));
    }
    const widths = [await page.evaluate(() => document.scrollingElement.scrollWidth)];
    await page.keyboard.type("x");
    await page.keyboard.press("Enter");
    widths.push(await page.evaluate(() => document.scrollingElement.scrollWidth));
    return { orders, widths, inner: await page.evaluate(() => innerWidth) };
    """
    found = browse(code, str(page), width=390).result
    assert len(set(found["orders"])) > 1
    assert found["inner"] == 390
    assert max(found["widths"]) <= 390
