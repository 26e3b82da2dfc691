"""Metrics of the mouth beside the real one: signals whose right answers are known, and what fools each metric."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.points import EYE_DISTANCE, FACE_WIDTH, face, talk

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.metrics.clip_view import ClipView
from lipsync_cli.metrics.mouth import articulation, closeness, closure, contrast, lip_dynamics
from lipsync_cli.metrics.mouth import mouth_width as width
from lipsync_cli.metrics.mouth import silent_stability as stability
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync import dtw, lip_leak
from lipsync_cli.metrics.sync import loudness_distance as loud
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.scoring.protocols.clip_scores import ClipScores
from lipsync_cli.speech.mel import SILENCE, log_mel
from lipsync_cli.speech.phonemes import spread_phones
from lipsync_cli.speech.transcript import Word

NEW = [
    "lip_leak", "normalised_leak", "opening_range", "articulation_share", "lip_dynamics", "width_correlation",
    "width_amplitude", "dtw_lag", "dtw_wander", "silent_stability", "loudness_distance", "open_closed_contrast",
    "contrast_ratio", "closure_rate", "closeness_total",
]  # fmt: skip


def widen(points: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Stretch the lips sideways about their middle, frame by frame."""
    points = points.copy()
    centre = points[:, 48:68, 0].mean(1, keepdims=True)
    points[:, 48:68, 0] = centre + factor[:, None] * (points[:, 48:68, 0] - centre)
    return points


def test_the_mouth_aspect_ratio_is_three_heights_over_two_widths() -> None:
    opened = np.array([0.0, 0.1, 0.3])
    inner = 24 / EYE_DISTANCE  # width of the inner lips of `points.face`
    np.testing.assert_allclose(lip_leak.mouth_aspect_ratio(face(opened)), 3 * opened / (2 * inner), atol=1e-12)
    np.testing.assert_allclose(lip_leak.mouth_aspect_ratio(2.5 * face(opened)), 3 * opened / (2 * inner), atol=1e-12)


def test_the_aperture_is_the_gap_over_the_width_of_the_face() -> None:
    opened = np.array([0.0, 0.1, 0.3])
    np.testing.assert_allclose(lip_leak.aperture(face(opened)), opened * EYE_DISTANCE / FACE_WIDTH, atol=1e-12)


def test_a_copied_mouth_leaks_all_a_still_one_nothing_and_half_a_mouth_half() -> None:
    rng = np.random.default_rng(0)
    real = np.where(rng.permutation(100) < 40, 0.08, 0.01)
    assert lip_leak.open_share(real, 0.03) == pytest.approx(0.4)
    assert lip_leak.open_share_ratio(real, real) == 1
    assert lip_leak.open_share_ratio(real, np.zeros(50)) == 0
    half = np.where(np.arange(100) < 20, 0.08, 0.01)
    assert lip_leak.open_share_ratio(real, half) == pytest.approx(0.5)
    with pytest.raises(MetricUnavailableError, match="hardly ever open"):
        lip_leak.open_share_ratio(np.zeros(100), real)
    with pytest.raises(MetricUnavailableError, match="too few"):
        lip_leak.open_share(np.array([0.1] * 5 + [np.nan] * 20), 0.03)


def test_the_leak_falls_into_its_trap() -> None:
    """A mouth frozen shut, or one that copies all but its widest openings, has no leak."""
    real = 0.029 + 0.2 * (talk(100) - 0.15).clip(0)
    assert lip_leak.open_share_ratio(real, np.minimum(real, 0.03)) == 0


def test_range_and_articulation_see_mumbling_and_not_lateness() -> None:
    said = talk(200)
    assert articulation.range_ratio(said, said) == 1
    assert articulation.range_ratio(said, 0.15 + 0.4 * (said - 0.15)) == pytest.approx(0.4)
    assert articulation.range_ratio(said, np.roll(said, 7)) == pytest.approx(1)
    gaps = np.where(np.arange(100) < 50, 0.05, 0.0)
    assert lip_leak.open_share_ratio(gaps, np.where(np.arange(100) < 20, 0.05, 0.0)) == pytest.approx(0.4)
    with pytest.raises(MetricUnavailableError, match="does not move"):
        articulation.range_ratio(np.full(50, 0.1), said)


def test_lip_dynamics_is_linear_in_the_motion_and_sees_width() -> None:
    said = talk(75)
    still = face(np.full(75, 0.15))
    assert lip_dynamics.lip_dynamics(still) == pytest.approx(0, abs=1e-12)
    small = lip_dynamics.lip_dynamics(widen(still, 1 + 0.1 * (said - 0.15)))
    assert small > 0
    large = lip_dynamics.lip_dynamics(widen(still, 1 + 0.2 * (said - 0.15)))
    assert large == pytest.approx(2 * small, rel=0.02)
    zoomed = 3 * face(said)
    assert lip_dynamics.lip_dynamics(zoomed) == pytest.approx(lip_dynamics.lip_dynamics(face(said)))
    two = face(np.tile([0.1, 0.3], 20))  # inner and outer lips move up and down by 0.1 eye distances
    one, other = two[0, 48:68] / EYE_DISTANCE, two[1, 48:68] / EYE_DISTANCE
    pairs = [(a, b) for a in range(20) for b in range(a)]
    apart = [abs(np.linalg.norm(one[a] - one[b]) - np.linalg.norm(other[a] - other[b])) / 2 for a, b in pairs]
    assert lip_dynamics.lip_dynamics(two) == pytest.approx(np.mean(apart))


def test_width_follows_the_corners_and_not_the_opening() -> None:
    said = talk(75)
    points = widen(face(talk(75, seed=1)), 1 + said - 0.15)
    np.testing.assert_allclose(width.mouth_width(points), 32 / EYE_DISTANCE * (1 + said - 0.15), atol=1e-12)
    real = width.mouth_width(points)
    assert width.width_correlation(real, 0.3 + 0.5 * real) == pytest.approx(1)
    assert width.width_correlation(real, 1 - real) == pytest.approx(-1)
    assert width.width_amplitude(real, 0.3 + 0.5 * real) == pytest.approx(0.5)
    with pytest.raises(MetricUnavailableError, match="do not move"):
        width.width_correlation(real, width.mouth_width(face(said)))


@pytest.mark.parametrize("frames", [-5, -2, 0, 3, 6])
def test_a_shifted_sine_has_that_lag_and_does_not_wander(frames: int) -> None:
    times = np.arange(75)
    said = np.sin(2 * np.pi * times / 19) + 0.4 * np.sin(2 * np.pi * times / 31)
    moved = np.sin(2 * np.pi * (times - frames) / 19) + 0.4 * np.sin(2 * np.pi * (times - frames) / 31)
    lag, wander = dtw.lag_and_wander(said, moved, 25)
    assert lag == pytest.approx(40 * frames)
    assert wander < 6


def test_a_mouth_that_is_early_and_then_late_wanders_by_that_much() -> None:
    times = np.arange(200.0)
    late = np.interp(times, [0, 90, 110, 200], [-3, -3, 3, 3])  # frames: half of the clip early, half late

    def say(when: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * when / 17) + 0.5 * np.sin(2 * np.pi * when / 29)

    lag, wander = dtw.lag_and_wander(say(times), say(times - late), 25)
    assert abs(lag) <= 120
    assert wander == pytest.approx(120, abs=15)  # half of the path 240 ms from the median, half at it


def test_warping_ignores_size_and_falls_into_its_trap() -> None:
    """Any two mouths can be laid upon each other: wander alone does not tell that the words are others."""
    said, other = talk(75), talk(75, seed=1)
    assert dtw.lag_and_wander(said, 0.1 + 0.3 * said, 25) == (0, 0)
    assert dtw.lag_and_wander(said, other, 25)[1] <= 2 * 320
    path = dtw.warp(said, other, 8)
    assert (np.diff(path, axis=0) >= 0).all()
    assert np.abs(path[:, 0] - path[:, 1]).max() <= 8
    with pytest.raises(MetricUnavailableError, match="does not move"):
        dtw.lag_and_wander(said, np.full(75, 0.1), 25)
    with pytest.raises(MetricUnavailableError, match="too few"):
        dtw.lag_and_wander(said[:9], said[:9], 25)


def words() -> list[Word]:
    return [Word("bin", 0.4, 0.8), Word("blue", 0.8, 1.2), Word("at", 1.2, 1.5), Word("f", 1.5, 1.8)]


def test_contrast_is_the_opening_on_vowels_over_that_on_closures() -> None:
    times = (np.arange(75) + 0.5) / 25
    phones = spread_phones(words())
    is_closed = contrast.in_phones(times, phones, {"B", "F"})
    assert 4 <= is_closed.sum() <= 12
    opened = np.where(is_closed, 0.05, 0.2)
    assert contrast.open_closed_contrast(opened, times, phones) == pytest.approx(4)
    assert contrast.open_closed_contrast(np.full(75, 0.2), times, phones) == pytest.approx(1)
    shut = np.where(is_closed, 0.0, 0.2)  # noise of the landmarks, not infinity
    assert contrast.open_closed_contrast(shut, times, phones) == pytest.approx(50)
    with pytest.raises(MetricUnavailableError, match="no p, b, m, f or v"):
        contrast.open_closed_contrast(opened, times, spread_phones([Word("at", 1.2, 1.5)]))
    opened[is_closed] = np.nan
    with pytest.raises(MetricUnavailableError, match="no p, b, m, f or v"):
        contrast.open_closed_contrast(opened, times, phones)


def test_closures_are_counted_one_by_one() -> None:
    times = (np.arange(75) + 0.5) / 25
    phones = spread_phones(words())
    real = np.where(contrast.in_phones(times, phones, {"B", "F"}), 0.0, 0.2)
    assert closure.closure_rate(real, real, times, phones) == 1
    made = real.copy()
    made[times > 1.4] = 0.2  # f stays open
    assert closure.closure_rate(real, made, times, phones) == pytest.approx(2 / 3)
    assert closure.closure_rate(real, np.full(75, 0.2), times, phones) == 0
    assert closure.closure_rate(real, np.zeros(75), times, phones) == 1  # its trap: a mouth that never opens
    with pytest.raises(MetricUnavailableError, match="does not move"):
        closure.closure_rate(np.full(75, 0.2), real, times, phones)


def test_stability_is_the_median_distance_in_pauses_alone() -> None:
    opened = np.concatenate([talk(40), np.tile([0.02, 0.04], 10)])
    is_pause = np.arange(60) >= 40
    assert stability.silent_stability(opened, is_pause) == pytest.approx(0.01)
    with pytest.raises(MetricUnavailableError, match="does not pause"):
        stability.silent_stability(opened, np.arange(60) >= 57)


def test_loudness_distance_ignores_both_scales() -> None:
    said = talk(60)
    assert loud.loudness_distance(said, 30 * said - 5) == pytest.approx(0)
    assert loud.loudness_distance(said, -said) > 0.3
    step = np.tile([0.0, 1.0], 30)
    assert loud.loudness_distance(0.1 + 0.1 * step, np.where(np.arange(60) < 15, 1 - step, step)) == pytest.approx(0.25)
    with pytest.raises(MetricUnavailableError, match="does not change"):
        loud.loudness_distance(np.full(60, 0.1), said)


def test_closeness_counts_too_much_like_too_little() -> None:
    assert closeness.closeness(2.0, 2.0) == 1
    assert closeness.closeness(2.0, 1.0) == closeness.closeness(2.0, 3.0) == pytest.approx(0.5)
    assert closeness.closeness(-2.0, -1.0) == pytest.approx(0.5)
    assert closeness.closeness(1.0, 3.0) == pytest.approx(-1)
    with pytest.raises(MetricUnavailableError):
        closeness.closeness(0.0, 1.0)


def test_the_total_averages_clips_first_and_parts_then() -> None:
    real = np.array([[1.0, 10.0, np.nan], [3.0, 10.0, 5.0]])
    made = np.array([[2.0, 5.0, np.nan], [2.0, np.nan, np.nan]])
    assert closeness.closeness_total(real, real) == 1
    assert closeness.closeness_total(real, made) == pytest.approx((1 + 0.5) / 2)
    with pytest.raises(MetricUnavailableError):
        closeness.closeness_total(real[:, 2:], made[:, 2:])


def evidence(row: str, points: np.ndarray, mel: np.ndarray | None, truth: ClipView | None = None) -> ClipView:
    """A clip whose landmarks are known."""
    frames = np.arange(len(points))
    crops = np.zeros((len(points), 96, 96, 3), np.uint8)
    one = ClipView(row, "clip", "s1", crops, frames, (frames + 0.5) / 25, 25.0, CropRule(), MetricNetworks(), truth)
    vars(one)["landmarks"] = points
    one.mel_or_none = mel
    one.words_or_none = tuple(words())
    return one


def voice() -> np.ndarray:
    rng = np.random.default_rng(0)
    swell = np.repeat([0.0003, 0.1, 0.03, 0.1, 0.0003], [8000, 8000, 8000, 8000, 16000])
    return log_mel((swell * rng.standard_normal(48000)).astype(np.float32))


def test_all_are_asked_of_a_film_and_a_copied_mouth_is_perfect() -> None:
    said = widen(face(talk(75)), 1 + talk(75, seed=2) - 0.15)
    real = evidence("ground_truth", said, voice())
    real.truth_or_none = real
    silence = np.full((240, 80), SILENCE, np.float32)
    clip_scores = ClipScores("clip", "s1")
    families = find_metric_groups(NEW)
    assert {metric.name for family in families for metric in family.metrics} == set(NEW)
    clip_scores.add([real, evidence("output", said, voice(), real)], families)
    of = {name: value for (row, name), value in clip_scores.clips.items() if row == "output"}
    for name in ("opening_range", "articulation_share", "width_correlation", "width_amplitude", "contrast_ratio"):
        assert of[name] == pytest.approx(1), name
    assert of["dtw_lag"] == of["dtw_wander"] == 0
    assert "something is said" in clip_scores.reasons["output", "lip_leak"]
    assert clip_scores.clips["ground_truth", "lip_leak"] > 0.3
    assert clip_scores.clips["ground_truth", "normalised_leak"] == 1
    drawn, truth = (
        clip_scores.features["output", "closeness_total"],
        clip_scores.features["ground_truth", "closeness_total"],
    )
    assert (
        clip_scores.clips["output", "loudness_distance"] == clip_scores.clips["ground_truth", "loudness_distance"] > 0
    )
    assert np.isfinite(drawn).all()
    assert drawn.shape == (1, len(closeness.PARTS))
    assert closeness.closeness_total(truth, drawn) == 1
    quiet = ClipScores("clip", "s1")
    quiet.add([evidence("output", said, silence, real)], find_metric_groups(["lip_leak", "normalised_leak"]))
    assert quiet.clips["output", "normalised_leak"] == 1
    quiet.add(
        [evidence("output", face(np.zeros(75)), silence, real)], find_metric_groups(["lip_leak", "normalised_leak"])
    )
    assert quiet.clips["output", "lip_leak"] == quiet.clips["output", "normalised_leak"] == 0


def test_what_a_film_lacks_is_said() -> None:
    alone = evidence("output", face(talk(75)), None)
    alone.words_or_none = None
    clip_scores = ClipScores("clip", "s1")
    clip_scores.add([alone], find_metric_groups(NEW))
    assert clip_scores.reasons["output", "opening_range"] == clip_scores.reasons["output", "dtw_lag"] == "no reference"
    assert clip_scores.reasons["output", "open_closed_contrast"] == "no transcript"
    assert clip_scores.reasons["output", "lip_leak"] == "no sound"
    assert ("output", "lip_dynamics") in clip_scores.clips
    alone.words_or_none = (Word("hello", 0.1, 0.5),)
    clip_scores.add([alone], find_metric_groups(["open_closed_contrast"]))
    assert clip_scores.reasons["output", "open_closed_contrast"] == "'hello' is no word of GRID"
