"""Smoothing: nothing lags, nothing still moves, gaps are filled as long as they are short."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.tracking.smoothing import fill_gaps, gaussian, runs, steady

NAN = np.nan
SEED = 5


def test_runs() -> None:
    present = np.array([0, 1, 1, 0, 0, 1, 0, 1], bool)
    assert list(runs(present)) == [slice(1, 3), slice(5, 6), slice(7, 8)]
    assert list(runs(np.ones(3, bool))) == [slice(0, 3)]
    assert list(runs(np.zeros(3, bool))) == list(runs(np.zeros(0, bool))) == []


def test_gaps() -> None:
    values = np.array([[NAN], [0], [NAN], [NAN], [3], [NAN], [NAN], [NAN], [7], [NAN]])
    assert fill_gaps(values, 2)[:, 0] == pytest.approx([NAN, 0, 1, 2, 3, NAN, NAN, NAN, 7, NAN], nan_ok=True)
    assert fill_gaps(values, 3)[:, 0] == pytest.approx([NAN, 0, 1, 2, 3, 4, 5, 6, 7, NAN], nan_ok=True)
    assert fill_gaps(values, 0) == pytest.approx(values, nan_ok=True)
    assert np.isnan(values).sum() == 7  # the given array is as it was


def test_gaussian_against_its_definition() -> None:
    values = np.random.default_rng(SEED).normal(size=(40, 3))
    smoothed = gaussian(values, 2.5)
    for number in (0, 3, 20, 39):
        weight = np.exp(-0.5 * ((np.arange(40) - number) / 2.5) ** 2) * (np.abs(np.arange(40) - number) <= 8)
        assert smoothed[number] == pytest.approx((weight[:, None] * values).sum(0) / weight.sum())
    assert gaussian(values[::-1], 2.5)[::-1] == pytest.approx(smoothed)
    assert gaussian(values, 0) == pytest.approx(values)
    assert gaussian(values[:1], 3) == pytest.approx(values[:1])
    assert gaussian(np.full((9, 2), 4.0), 3) == pytest.approx(np.full((9, 2), 4.0))


def test_a_still_face_keeps_still() -> None:
    """Detections that flicker between two cells become one place."""
    places = np.tile([100.0, 80.0, 4.0], (60, 1))
    places[:, 0] += np.where(np.arange(60) % 2, 4.0, -4.0)
    path = steady(places, np.zeros((60, 3)), 6)
    assert np.abs(path - [100, 80, 4]).max() < 0.9  # the ends see one of the two more often
    assert np.abs(path[15:-15] - [100, 80, 4]).max() < 0.01


def make_motion(num_frames: int) -> np.ndarray:
    """Places (N, 3) of a face that rests, moves fast to the side, rests, nods, and comes nearer."""
    moment = np.arange(num_frames)
    x = 100 + 60 / (1 + np.exp(-(moment - 40) / 1.5))
    y = 80 + 6 * np.sin(np.maximum(moment - 60, 0) / 4)
    return np.stack([x, y, 4 + 0.3 / (1 + np.exp(-(moment - 70) / 8))], axis=1)


@pytest.mark.parametrize("sigma", [0.0, 6.0])
def test_a_moving_face_stays_centred(sigma: float) -> None:
    """Detections in cells of 9 pixels and 18 % of size, and the motion between frames, give the true path."""
    truth = make_motion(120)
    motion = np.diff(truth, axis=0, prepend=truth[:1])
    cells = np.array([9.0, 9.0, 0.18])
    rough = np.floor(truth / cells + np.random.default_rng(SEED).random(truth.shape)) * cells
    path = steady(rough if sigma else truth, motion, sigma)
    assert np.abs(path - truth)[:, :2].max() < (4.5 if sigma else 1e-6)
    assert np.abs((path - truth)[30:60, 0].mean()) < 1.5  # neither behind nor ahead in the fast movement
    if sigma:
        assert np.abs(path - truth)[:, 0].mean() < np.abs(rough - truth)[:, 0].mean() / 2


def test_there_and_back_are_alike() -> None:
    """The same frames in the other order give the same path: the filter looks as far ahead as behind."""
    truth = make_motion(90)
    rough = truth + np.random.default_rng(SEED).normal(size=truth.shape) * [3, 3, 0.05]
    motion = np.diff(truth, axis=0, prepend=truth[:1])
    backwards = np.concatenate([np.zeros((1, 3)), -motion[:0:-1]])
    assert steady(rough[::-1], backwards, 6)[::-1] == pytest.approx(steady(rough, motion, 6))
