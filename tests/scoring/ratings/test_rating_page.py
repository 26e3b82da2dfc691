"""The page on which people rate videos, and its script in a JavaScript engine."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.scoring.ratings.opinion import Rating, read_ratings
from lipsync_cli.scoring.ratings.rating_page import find_gaps, find_items, make_key, make_rating_page, name_items

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two conditions of two clips, one of them with an odd name; and files that are no videos."""
    folder = tmp_path / "pairs"
    for condition in ("real", "mine"):
        (folder / condition).mkdir(parents=True)
        for clip in ("a", 'b, "</script>'.replace("/", "|")):
            (folder / condition / f"{clip}.mp4").write_bytes(f"{condition} {clip}".encode())
    (folder / "real" / "notes.txt").write_text("no video")
    (folder / "outside.mp4").write_bytes(b"in no condition")
    return folder


def run_script(page: str, code: str) -> str:
    """Run the page's script, and after it some code, without a page."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no JavaScript engine is installed")
    (script,) = SCRIPT.findall(page)
    (items,) = re.findall(r'<script type="application/json" id="items">(.*?)</script>', page, re.DOTALL)
    program = f"{script}\nconst items = JSON.parse({json.dumps(items)});\n{code}"
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_items_are_the_videos_in_the_folders_of_conditions(pairs: Path) -> None:
    items = find_items(pairs)
    assert [(item.condition, item.clip) for item in items] == [
        (condition, clip) for condition in ("mine", "real") for clip in ("a", 'b, "<|script>')
    ]
    assert find_gaps(items) == []
    (pairs / "mine" / "a.mp4").unlink()
    assert find_gaps(find_items(pairs)) == ["mine lacks 1 of 2 clips"]


def test_what_cannot_be_rated_is_said(pairs: Path, tmp_path: Path) -> None:
    (pairs / "real" / "a.webm").write_bytes(b"twice")
    with pytest.raises(InputError, match=r"has the same name as a\.mp4"):
        find_items(pairs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDoError, match="holds no video"):
        find_items(tmp_path / "empty")
    with pytest.raises(InputError, match="is no folder"):
        find_items(tmp_path / "missing")


def test_the_page_holds_all_and_allows_its_own_script_alone(pairs: Path) -> None:
    page = make_rating_page(name_items(find_items(pairs)))
    (script,) = SCRIPT.findall(page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    assert policy.replace("&#x27;", "'").count("script-src") == 1
    assert f"script-src 'sha256-{digest}'" in policy.replace("&#x27;", "'")
    assert page.count("</script>") == 2
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_nothing_in_the_page_tells_which_video_is_which(pairs: Path) -> None:
    items = find_items(pairs)
    named = name_items(items)
    assert sorted(named.values()) == items
    assert list(named) == sorted(named)
    page = make_rating_page(named)
    own = (*SCRIPT.findall(page), *re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    for part in own:
        page = page.replace(part, "")
    for word in ("real", "mine", str(pairs), "|script"):
        assert word not in page
    (pairs / "mine" / "a.mp4").rename(pairs / "real" / "moved.mp4")
    assert list(name_items(find_items(pairs))) == list(named)  # the names are of what the videos hold


def test_a_video_that_is_there_twice_has_two_names(pairs: Path) -> None:
    (pairs / "mine" / "a.mp4").write_bytes((pairs / "real" / "a.mp4").read_bytes())
    assert len(name_items(find_items(pairs))) == 4


def test_ratings_from_the_keys_come_back_as_they_were_given(pairs: Path, tmp_path: Path) -> None:
    page = make_rating_page(name_items(find_items(pairs)))
    code = """
    const session = makeSession(items, "  Ann, \\"the\\" first ", () => 0);
    const given = [];
    if (press(session, "3") !== "") throw new Error("rated before it was seen");
    session.seen = true;
    for (const key of ["6", "0", "x", "Enter", "Backspace"]) {
      if (press(session, key) !== "") throw new Error(key + " is no rating");
    }
    press(session, "1");                                   // and thinks again
    if (press(session, "Backspace") !== "back" || session.place !== 0) throw new Error("does not go back");
    for (const key of ["2", "5", "4", "3"]) {
      given.push([session.items[session.place].item, Number(key)]);
      session.seen = true;
      if (press(session, key) !== "next") throw new Error(key);
    }
    if (!isDone(session) || press(session, "5") !== "") throw new Error("is not done");
    console.log(JSON.stringify({ given, csv: writeCsv(session) }));
    """
    found = json.loads(run_script(page, code))
    (tmp_path / "ann.csv").write_text(found["csv"], encoding="utf-8", newline="")
    named = name_items(find_items(pairs))
    (tmp_path / "pairs.key.csv").write_text(make_key(named), encoding="utf-8", newline="")
    ratings = read_ratings(sorted(tmp_path.glob("*.csv")))
    assert ratings == [Rating('Ann, "the" first', *named[item][:2], value) for item, value in found["given"]]
    assert sorted((one.condition, one.clip) for one in ratings) == [(i.condition, i.clip) for i in find_items(pairs)]


def test_a_rater_goes_on_where_the_page_was_left_and_only_with_its_videos(pairs: Path) -> None:
    page = make_rating_page(name_items(find_items(pairs)))
    code = """
    const session = makeSession(items, "ann", () => 0);
    for (const key of ["2", "5"]) { session.seen = true; press(session, key); }
    const again = resume(items, " ann ", save(session));
    const same = again.items.every((item, place) => item === session.items[place]);
    if (!same || again.place !== 2 || again.seen || again.rater !== "ann") throw new Error("goes on elsewhere");
    press(again, "Backspace");
    press(again, "1");
    if (again.ratings.join() !== "2,1") throw new Error(again.ratings.join());
    const { order, ratings } = JSON.parse(save(session));
    const bad = ["null", "3", "{}", JSON.stringify({ order: order.slice(1), ratings: [] }),
      JSON.stringify({ order: [order[0], ...order.slice(0, -1)], ratings }), JSON.stringify({ order, ratings: [6] }),
      JSON.stringify({ order, ratings: [1, 1, 1, 1, 1] }), JSON.stringify({ order, ratings: {} })];
    for (const text of bad) if (resume(items, "ann", text) !== null) throw new Error(text);
    """
    run_script(page, code)


def test_every_order_of_the_shuffle_is_as_likely(pairs: Path) -> None:
    page = make_rating_page(name_items(find_items(pairs)))
    code = """
    const counts = {};
    for (let a = 0; a < 4; a += 1) for (let b = 0; b < 3; b += 1) for (let c = 0; c < 2; c += 1) {
      const draws = [(a + 0.5) / 4, (b + 0.5) / 3, (c + 0.5) / 2];
      const order = shuffle([1, 2, 3, 4], () => draws.shift()).join("");
      counts[order] = (counts[order] || 0) + 1;
    }
    console.log(JSON.stringify(Object.values(counts)));
    """
    assert json.loads(run_script(page, code)) == [1] * 24


def test_the_page_in_place_of_a_browser_shows_each_video_and_the_ratings_at_the_end(pairs: Path) -> None:
    page = make_rating_page(name_items(find_items(pairs)))
    code = """
    const elements = {};
    const listeners = {};
    function make(id) {
      return { id, hidden: id === "rating" || id === "end", value: "", listeners: {}, attributes: {}, played: [],
        focus() {},
        setAttribute(name, value) { this.attributes[name] = value; },
        addEventListener(name, act) { this.listeners[name] = act; },
        play() { this.played.push(this.src); return Promise.resolve(); } };
    }
    const buttons = [1, 2, 3, 4, 5].map((value) => Object.assign(make("button"), { value: String(value) }));
    const fake = {
      getElementById(id) { return (elements[id] = elements[id] || make(id)); },
      querySelectorAll() { return buttons; },
      addEventListener(name, act) { listeners[name] = act; },
    };
    fake.getElementById("items").textContent = JSON.stringify(items);
    start(fake, () => 0.5, null);  // as where a browser keeps nothing
    elements.rater = Object.assign(make("rater"), { value: "bob" });
    elements.begin.listeners.submit({ preventDefault() {} });
    const type = (key) => listeners.keydown({ key, target: { tagName: "BODY" }, preventDefault() {} });
    type("4");                                                  // too early
    if (elements.count.textContent !== "1 of 4" || !buttons[0].disabled) throw new Error("rated too early");
    for (const key of ["1", "2", "3"]) { elements.video.listeners.ended(); type(key); }
    elements.video.listeners.ended();
    buttons[4].listeners.click();
    if (elements.end.hidden || !elements.rating.hidden) throw new Error("no end");
    console.log(JSON.stringify({ csv: elements.csv.value, file: elements.save.download, href: elements.save.href,
      played: new Set(elements.video.played).size }));
    """
    found = json.loads(run_script(page, code))
    assert [line.rsplit(",", 1)[1] for line in found["csv"].splitlines()] == ["rating", "1", "2", "3", "5"]
    assert found["file"] == "ratings-bob.csv"
    assert found["href"].startswith("data:text/csv;charset=utf-8,rater%2Cplace")
    assert found["played"] == 4
