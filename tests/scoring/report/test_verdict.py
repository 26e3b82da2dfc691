"""A video in words."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from lipsync_cli.scoring.report.html.verdict import describe_video, draw_verdict
from lipsync_cli.scoring.results.records import Results
from lipsync_cli.scoring.results.scores import Statistics


def make(figures: dict[tuple[str, str], float], row: str = "output", **reasons: str) -> Results:
    """Results of a video; figures: (row, metric) -> mean."""
    of_rows: dict[str, dict[str, Statistics]] = {}
    for (name, metric), mean in figures.items():
        of_rows.setdefault(name, {})[metric] = Statistics(0, 1, mean, mean, mean + 2, mean - 2)
    results = Results("out", {}, {}, {row: row, "other_sound": "mismatched audio on real pictures"}, {"all": of_rows})
    results.reasons = {row: reasons}
    return results


def answers(figures: dict[tuple[str, str], float], **reasons: str) -> dict[str, tuple[str, str]]:
    return {asked: (mark, said) for asked, mark, said in describe_video(make(figures, **reasons))}


@pytest.mark.parametrize(
    ("offset_ms", "confidence", "mark", "says"),
    [
        (12, 0.3, "good", "Yes: best at a shift of +12 ms, confidence 0.30, 0.05 with another sound."),
        (160, 0.3, "bad", "No: the lips are 160 ms late;"),
        (-120, 0.3, "bad", "No: the lips are 120 ms early;"),
        (12, 0.06, "bad", "Not that one could tell:"),
    ],
)
def test_sync(offset_ms: float, confidence: float, mark: str, says: str) -> None:
    figures = {
        ("output", "sync_offset_ms"): offset_ms,
        ("output", "sync_confidence"): confidence,
        ("other_sound", "sync_confidence"): 0.05,
    }
    found = answers(figures)["In sync?"]
    assert found[0] == mark
    assert found[1].startswith(says)


def test_movement_pauses_and_lips() -> None:
    found = answers({("output", "opening_amplitude"): 0.5, ("output", "silence_leak"): 0.9, ("output", "tear"): 9.0})
    assert found["Does the mouth move?"] == ("bad", "Too little: 50 % of what the real mouth does.")
    assert found["Does it rest in pauses?"][0] == "good"
    assert found["Torn lips?"][0] == "bad"
    found = answers({("output", "mouth_opening"): 5.0, ("output", "silence_leak"): 2.0, ("output", "tear"): 3.0})
    assert found["Does the mouth move?"] == ("good", "Yes: its opening varies by 4.0 % of the distance of the eyes.")
    assert found["Does it rest in pauses?"][0] == "bad"
    assert found["Torn lips?"][0] == "good"


def test_what_was_not_measured_says_why_and_is_no_null() -> None:
    found = answers({}, tear="needs the source")
    assert found["Torn lips?"] == ("open", "Not measured: needs the source.")
    assert found["In sync?"] == ("open", "Not measured: it needs --metrics sync.")
    assert all("null" not in said and "None" not in said for _, said in found.values())


def test_a_pack_has_no_verdict() -> None:
    assert draw_verdict(make({}, "model")) is None
    assert "<dl" in str(draw_verdict(make({("output", "tear"): 3.0})))


def test_pages_stack_or_scroll_at_the_width_of_a_phone() -> None:
    css = files("lipsync_cli.scoring.report.html").joinpath("style.css").read_text(encoding="utf-8")
    (narrow,) = re.findall(r"@media \(max-width: (\d+)rem\) \{\n  body", css)
    assert 16 * int(narrow) > 390
    assert ".scroll { overflow-x: auto; }" in css
    assert ".facts > div { grid-template-columns: 1fr; gap: 0; }" in css
