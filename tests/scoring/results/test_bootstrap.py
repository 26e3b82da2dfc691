"""Which differences exceed the noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.scoring.results.bootstrap import (
    BETTER,
    DIFFERENT,
    NEGLIGIBLE,
    UNKNOWN,
    WITHIN,
    WORSE,
    Difference,
    compare,
    describe_comparison,
    make_comparison,
)
from lipsync_cli.scoring.results.records import Results, make_results

FRAMES = 20


def make(values: np.ndarray, label: str = "a", direction: str = "higher", **facts: Any) -> Results:
    """Results of one metric of frames; values: shape (clips, frames)."""
    about = {
        "title": "a figure",
        "group": "reconstruction",
        "per": "frame",
        "direction": direction,
        "definition": "what it is",
        "source": "this test",
    }
    protocol = {
        "kind": "protocol",
        "metrics": {"figure": about},
        "rows": {"model": "model"},
        "fingerprint": "f",
    } | facts
    records: list[dict[str, Any]] = [protocol]
    for number, of_clip in enumerate(values):
        key = {"clip": f"c{number}", "speaker": "s", "row": "model"}
        records.append({"kind": "clip", **key, "frames": len(of_clip), "figure": float(of_clip.mean())})
        frame = list(range(len(of_clip)))
        records.append({"kind": "frames", **key, "frame": frame, "figure": of_clip.tolist()})
    return make_results(records, label)


@pytest.fixture(scope="module")
def hard_and_easy() -> np.ndarray:
    """Clips that differ from each other far more than models do."""
    rng = np.random.default_rng(3)
    return rng.normal(30, 5, (24, 1)) + rng.normal(0, 1, (24, FRAMES))


def only(first: Results, second: Results) -> Difference:
    (one,) = compare(first, second)
    return one


def test_a_small_gain_on_every_clip_is_found_although_clips_differ_far_more(hard_and_easy: np.ndarray) -> None:
    gain = np.random.default_rng(4).normal(0.3, 0.4, hard_and_easy.shape)
    found = only(make(hard_and_easy), make(hard_and_easy + gain, "b"))
    assert found.verdict == BETTER
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.difference < found.high
    assert found.difference == pytest.approx(gain.mean())
    assert (found.clips, found.frames) == (24, 24 * FRAMES)
    assert only(make(hard_and_easy + gain), make(hard_and_easy, "b")).verdict == WORSE
    lower = [make(values, direction="lower") for values in (hard_and_easy, hard_and_easy + gain)]
    assert only(*lower).verdict == WORSE


def test_models_that_are_alike_exceed_the_noise_about_once_in_twenty_times() -> None:
    rng = np.random.default_rng(5)
    verdicts = []
    for _ in range(60):
        base = rng.normal(30, 5, (20, 1))
        ones, others = (base + rng.normal(0, 1, (20, 1)) + rng.normal(0, 1, (20, 5)) for _ in range(2))
        verdicts.append(only(make(ones), make(others, "b")).verdict)
    assert 1 <= len(verdicts) - verdicts.count(WITHIN) <= 9


def test_one_clip_says_nothing_of_noise() -> None:
    found = only(make(np.full((1, FRAMES), 30.0)), make(np.full((1, FRAMES), 31.0), "b"))
    assert (found.verdict, found.low, found.difference) == (UNKNOWN, None, 1.0)


def test_a_figure_that_should_be_near_a_target_is_better_when_it_comes_nearer() -> None:
    near = {"direction": "near"}
    noise = np.random.default_rng(6).normal(0, 0.1, (12, FRAMES))
    ones, others = make(noise + 4, **near), make(noise + 2, "b", **near)
    assert only(ones, others).verdict == DIFFERENT  # no ground truth is there to be near to
    for results in (ones, others):
        results.figures["ground_truth"] = make(noise).figures["model"]
    assert only(ones, others).verdict == BETTER
    others = make(noise - 3, "b", **near)
    assert only(ones, others).verdict == DIFFERENT  # on the other side: which is nearer was not tested


def test_only_frames_that_both_have_are_compared(hard_and_easy: np.ndarray) -> None:
    longer = make(hard_and_easy[:12] + 1, "b")
    for figures in longer.figures["model"]["figure"].values():
        figures.values[10:] = 1000.0
    shorter = make(hard_and_easy[:, :10])
    found = only(shorter, longer)
    assert (found.clips, found.frames) == (12, 120)
    assert found.difference == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"fingerprint": "g"}, "fingerprint is f in a and g in b"),
        ({"seed": 1}, "seed"),
        ({"crop_size": 96}, "crop_size"),
    ],
)
def test_scores_of_other_clips_or_another_protocol_are_refused(facts: dict[str, Any], said: str) -> None:
    values = np.ones((3, FRAMES))
    with pytest.raises(InputError, match=said):
        compare(make(values), make(values, "b", **facts))


def test_another_judge_or_no_common_clip_is_refused() -> None:
    values = np.ones((3, FRAMES))
    tools = [{"expert": {"name": "x", "sha256": sha}} for sha in ("0" * 64, "1" * 64)]
    with pytest.raises(InputError, match="the expert is 000"):
        compare(make(values, tools=tools[0]), make(values, "b", tools=tools[1]))
    other = make(values, "b")
    other.clips = [("s", "x")]
    with pytest.raises(NothingToDoError, match="no clip in common"):
        compare(make(values), other)


def test_the_table_and_the_json_say_the_same(hard_and_easy: np.ndarray) -> None:
    first, second = make(hard_and_easy), make(hard_and_easy - 2, "b")
    found = compare(first, second)
    said = make_comparison(first, second, found)
    assert "b against a, 480 frames of 24 clips that both have" in said
    assert "-2.0000" in said
    assert said.count("worse") == 1
    described = describe_comparison(first, second, found)
    assert described["differences"][0]["verdict"] == WORSE
    assert described["differences"][0]["difference"] == -2.0


def test_what_the_last_digit_does_not_show_is_neither_better_nor_worse() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0.5, 0.1, (12, FRAMES))
    change = rng.normal(0.0001, 0.00001, (12, FRAMES))
    for sign in (1, -1):
        one, other = make(first), make(first + sign * change, "b")
        (found,) = compare(one, other)
        assert found.low is not None
        assert found.low * found.high > 0  # the interval does not hold 0
        assert found.verdict == NEGLIGIBLE
        assert "negligible: beyond the noise" in make_comparison(one, other, [found])
    (found,) = compare(make(first), make(first + 100 * change, "b"))
    assert found.verdict == BETTER
    assert "negligible" not in make_comparison(make(first), make(first + 100 * change, "b"), [found])
