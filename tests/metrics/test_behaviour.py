"""Mouth, pauses, eyes, trembling, border: figures of faces that do what is known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from fixtures.points import face, talk

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.metrics.face import eyes, jitter
from lipsync_cli.metrics.face.border import LEVELS, gradient_across
from lipsync_cli.metrics.mouth import movement, pauses
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import log_mel, to_levels, to_mel


def test_opening_is_the_gap_in_eye_distances_whatever_the_size() -> None:
    wanted = np.array([0.0, 0.1, 0.3])
    np.testing.assert_allclose(movement.opening(face(wanted)), wanted, atol=1e-12)
    np.testing.assert_allclose(movement.opening(3.7 * face(wanted) + 11), wanted, atol=1e-12)


def test_lip_opening_adds_half_the_outer_height_in_distances_of_the_outer_corners() -> None:
    opened = np.array([0.0, 0.1, 0.3])
    inner, outer, corners = 40 * opened, 40 * opened + 10, 52  # pixels of `points.face`
    np.testing.assert_allclose(movement.lip_opening(face(opened)), (inner + outer / 2) / corners, atol=1e-12)


def test_a_perfect_mouth_has_perfect_figures() -> None:
    said = talk(75)
    points = face(said)
    assert movement.correlate(movement.opening(points), said) == pytest.approx(1)
    assert movement.amplitude_ratio(movement.opening(points), said) == pytest.approx(1)
    assert movement.landmark_distance(points, points).max() == 0


def test_mumbling_lateness_and_other_words_are_told_apart() -> None:
    said, late, other = talk(75), np.roll(talk(75), 2), talk(75, seed=1)
    mumbled = said.mean() + 0.5 * (said - said.mean())
    assert movement.correlate(mumbled, said) == pytest.approx(1)
    assert movement.amplitude_ratio(mumbled, said) == pytest.approx(0.5)
    assert abs(movement.correlate(other, said)) < 0.4
    assert movement.correlate(other, said) < movement.correlate(late, said) < 0.95


def test_landmark_distance_falls_into_its_trap() -> None:
    """A mouth that hangs half open and says nothing has a better figure than one that says other words."""
    said, other = talk(75), talk(75, seed=1)
    hanging = np.full(75, said.mean())
    distances = [movement.landmark_distance(face(one), face(said)).mean() for one in (hanging, other)]
    assert distances[0] < distances[1]
    with pytest.raises(MetricUnavailableError, match="nothing moves"):
        movement.correlate(hanging, said)


def test_landmark_distance_is_that_of_shapes_in_eye_distances() -> None:
    closed = np.zeros(1)
    moved = face(closed)
    moved[:, 48:68] += (7.0, -3.0)  # the mouth as a whole: does not count
    assert movement.landmark_distance(moved, face(closed))[0] == pytest.approx(0, abs=1e-12)
    moved[:, 48] += (20.0, 0.0)  # one point of twenty by half an eye distance
    expected = (0.5 * 19 / 20 + 19 * 0.5 / 20) / 20
    assert movement.landmark_distance(moved, face(closed))[0] == pytest.approx(expected)


def test_partial_correlation_finds_what_is_mixed_in() -> None:
    voice, own = talk(400, 1), talk(400, 2)
    clean = voice + 0.02 * np.random.default_rng(3).standard_normal(400)
    leaking = clean + 0.3 * own
    assert abs(movement.correlate_beside(clean, own, voice)) < 0.15
    assert movement.correlate_beside(leaking, own, voice) > 0.6


def speech(seconds: list[tuple[float, bool]]) -> np.ndarray:
    """Noise shaped like a voice, and pauses, with a noise floor 50 dB below."""
    rng = np.random.default_rng(0)
    parts = []
    for length, is_loud in seconds:
        count = round(16000 * length)
        swell = 1 + 0.8 * np.sin(2 * np.pi * 4 * np.arange(count) / 16000)
        parts.append((0.1 * swell if is_loud else 0.0003) * rng.standard_normal(count))
    return np.concatenate(parts).astype(np.float32)


def test_pauses_are_found_and_only_their_own_motion_counts() -> None:
    mel = log_mel(speech([(0.8, True), (1.2, False), (1.0, True)]))
    middles = (np.arange(75) + 0.5) / 25
    is_pause = pauses.find_pauses(mel, middles)
    assert is_pause[(middles > 1.05) & (middles < 1.75)].all()
    assert not is_pause[(middles < 0.95) | (middles > 1.85)].any()
    opened, frame = talk(75), np.arange(75)
    still = np.where(is_pause, 0.05, opened)
    assert pauses.variance_in_pauses(still, frame, is_pause) < 1e-20
    expected = np.var(opened[is_pause], ddof=1)
    assert pauses.variance_in_pauses(opened, frame, is_pause) == pytest.approx(expected)
    drifting = np.where(is_pause, 0.05, opened) + 0.2 * (np.arange(75) > 40)  # a face without frames in between
    gap = frame + 100 * (frame > 40)
    assert pauses.variance_in_pauses(drifting, gap, is_pause) == pytest.approx(0, abs=1e-20)


def test_pauses_that_are_not_there_are_said() -> None:
    middles = (np.arange(25) + 0.5) / 25
    with pytest.raises(MetricUnavailableError, match="no speech"):
        pauses.find_pauses(log_mel(np.zeros(16000, np.float32)), middles)
    with pytest.raises(MetricUnavailableError, match="does not pause"):
        pauses.variance_in_pauses(talk(25), np.arange(25), np.zeros(25, bool))


def test_a_mouth_that_opens_with_the_voice_correlates_with_its_loudness() -> None:
    mel = log_mel(speech([(0.7, True), (0.5, False), (0.7, True), (0.6, False), (0.5, True)]))
    middles = (np.arange(75) + 0.5) / 25
    loud = pauses.loudness(mel, middles)
    assert loud.shape == (75,)
    opened = np.interp(middles, [0, 0.7, 0.72, 1.2, 1.22, 1.9, 1.92, 2.5, 2.52, 3], [1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
    assert movement.correlate(opened, loud) > 0.9 > 0.5 > movement.correlate(np.roll(opened, 12), loud)


def test_levels_and_mels_are_each_others_inverse() -> None:
    levels = np.linspace(-79, 19, 80)[None]
    np.testing.assert_allclose(to_levels(to_mel(levels)), levels, atol=1e-4)


def test_blinks_are_counted_and_eyes_that_stay_closed_do_not_blink() -> None:
    ratio = np.full(100, 0.3)
    for first in (10, 40, 70):
        ratio[first : first + 4] = 0.12
    points = face(np.zeros(100), eyes=ratio)
    np.testing.assert_allclose(eyes.eye_aspect_ratio(points), ratio, atol=1e-12)
    assert eyes.count_blinks(ratio, 25) == 3
    ratio[20:36] = 0.12  # 0.64 s
    assert eyes.count_blinks(ratio, 25) == 3
    assert eyes.count_blinks(0.4 * ratio, 25) == 3  # narrow eyes


def test_only_what_is_not_smooth_trembles() -> None:
    steps = np.arange(50.0)
    path = np.stack([2 * steps, 5 - steps], axis=1)
    assert jitter.acceleration(path).max() < 1e-9
    assert jitter.root_mean_square(jitter.acceleration(np.stack([steps**2, 0 * steps], axis=1))) == pytest.approx(2)
    jump = path + (steps > 25)[:, None]
    assert len(jitter.acceleration(jump, np.where(steps > 25, steps + 9, steps).astype(int))) == 46
    assert jitter.acceleration(jump, np.where(steps > 25, steps + 9, steps).astype(int)).max() < 1e-9
    with pytest.raises(MetricUnavailableError):
        jitter.root_mean_square(jitter.acceleration(path[:2]))


def test_a_pasted_box_shows_at_its_border_and_a_feathered_one_does_not() -> None:
    noise = np.random.default_rng(0).normal(0, 60, (240, 240, 1))
    texture = cv2.GaussianBlur(noise, (0, 0), 2)[:, :, None]
    source = np.repeat(np.clip(texture + 120, 0, 255).astype(np.uint8), 3, axis=2)
    rule, box = CropRule(), np.array([60.0, 50, 180, 170])
    matrix = rule.matrix(box, 512)
    weight = cv2.warpAffine(lower_face_mask(rule, 512), matrix, (240, 240), flags=cv2.WARP_INVERSE_MAP)[:, :, None]
    brighter = source + 5.0
    real = gradient_across(source, box, rule)
    assert real.shape == (len(LEVELS),)
    assert (real > 0).all()
    for level in range(len(LEVELS)):
        hard = np.clip(source + 20.0 * (weight >= LEVELS[level]), 0, 255).astype(np.uint8)
        assert (gradient_across(hard, box, rule) / real)[level] > 1.25
    soft = np.rint(source + weight * (brighter - source)).astype(np.uint8)
    assert (gradient_across(soft, box, rule) / real).max() < 1.1
    np.testing.assert_allclose(gradient_across(source, box, rule) / real, 1)


def test_a_border_outside_the_frame_has_no_gradient() -> None:
    frame = np.zeros((50, 50, 3), np.uint8)
    assert np.isnan(gradient_across(frame, np.array([200.0, 200, 260, 260]), CropRule())).all()
