"""Statistics over frames, groups, and the interval over clips."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.metrics.image.reconstruction import FAMILIES
from lipsync_cli.scoring.results.scores import Scores, Series, describe


def make_scores(**changes: object) -> Scores:
    clip, frame = np.array([0, 0, 1, 2]), np.array([3, 9, 3, 3])
    values = {
        "metrics": list(FAMILIES[0].metrics),
        "rows": {
            "model": {"mouth_psnr": Series(np.array([30.0, 32.0, 20.0, 26.0]), clip, frame)},
            "copy": {"mouth_psnr": Series(np.array([25.0, 25.0, 21.0, 25.0]), clip, frame)},
        },
        "clip_names": ["a", "b", "c"],
        "speakers": ["s1", "s1", "s2"],
        "differences": (("model", "copy"),),
    }
    return Scores(**(values | changes))  # type: ignore[arg-type]


def figures(values: np.ndarray, clip: np.ndarray) -> Series:
    return Series(values, clip, np.arange(len(values)))


def test_statistics_are_those_of_the_thesis() -> None:
    statistics = describe(figures(np.array([1.0, 2.0, 4.0, 9.0]), np.zeros(4, int)))
    assert statistics[:6] == (4, 1, 4.0, 3.0, 9.0, 1.0)


def test_one_clip_has_no_interval_and_several_have_one_around_the_mean() -> None:
    assert describe(figures(np.arange(5.0), np.zeros(5, int)))[6:] == (None, None)
    statistics = describe(figures(np.arange(12.0), np.arange(12) // 2))
    assert statistics.low is not None
    assert statistics.high is not None
    assert 0 <= statistics.low < statistics.mean < statistics.high <= 11


def test_interval_is_over_clips_because_frames_of_a_clip_are_alike() -> None:
    rng = np.random.default_rng(1)
    of_clips = rng.normal(30, 2, 25)
    few = describe(figures(of_clips, np.arange(25)))
    many = describe(figures(of_clips.repeat(70), np.arange(25).repeat(70)))
    assert many.low == pytest.approx(few.low)
    assert many.high == pytest.approx(few.high)
    expected = 2 * 1.96 * of_clips.std() / 5
    assert many.high - many.low == pytest.approx(expected, rel=0.1)


def test_interval_of_clips_of_different_length_weighs_their_frames() -> None:
    statistics = describe(figures(np.array([0.0] * 90 + [10.0] * 10), np.array([0] * 90 + [1] * 10)))
    assert statistics.mean == 1.0
    assert (statistics.low, statistics.high) == (0.0, 10.0)


def test_groups_are_everyone_and_each_speaker_where_there_are_several() -> None:
    scores = make_scores()
    assert {name: mask.tolist() for name, mask in scores.groups().items()} == {
        "all": [True] * 3,
        "s1": [True, True, False],
        "s2": [False, False, True],
    }
    assert list(make_scores(speakers=["s1", "s1", "s1"]).groups()) == ["all"]


def test_differences_are_taken_frame_by_frame() -> None:
    difference = make_scores().summary()["all"]["model - copy"]["mouth_psnr"]
    assert difference[:6] == (4, 3, 3.0, 3.0, 7.0, -1.0)


def test_clip_means_are_one_record_for_each_clip_and_row() -> None:
    records = list(make_scores().clip_means())
    assert records[0] == {"clip": "a", "speaker": "s1", "row": "model", "frames": 2, "mouth_psnr": 31.0}
    assert len(records) == 6
