"""Paths of faces: steadied without lag, and not across gaps or cuts."""

import numpy as np
import pytest

from lipsync_cli.faces.aligned.alignment import SIDE_MM, TOP_MM, to_numbers
from lipsync_cli.faces.head_angle import MEAN_FACE, POINTS
from lipsync_cli.synthesis.swapping.face_path import smooth_landmarks


def _landmarks(middles, noise=0.0):
    """Faces of 104 pixels at some middles, with noise on every landmark."""
    points = np.zeros((68, 2))
    points[list(POINTS)] = MEAN_FACE[:, :2]
    points = points * (104 / SIDE_MM)
    rng = np.random.default_rng(0)
    return np.asarray(middles, float)[:, None] + points + rng.normal(0, noise, (len(middles), 68, 2))


def _nod(count=100):
    time = np.arange(count) / 25
    return np.stack([150 + 0 * time, 120 + 12 * np.sin(2 * np.pi * 0.6 * time)], 1)


@pytest.mark.parametrize("smoothing", ["gaussian", "kalman"])
def test_a_nod_is_followed_without_lag_and_with_less_noise(smoothing):
    truth, noisy = _nod(), smooth_landmarks(_landmarks(_nod(), 3.0), smoothing)
    eyes = (0.5 - TOP_MM / SIDE_MM) * 104  # the middle of the square lies below the eyes' line
    path = to_numbers(noisy.similarities)[:, :2] - (0, eyes)
    raw = to_numbers(smooth_landmarks(_landmarks(_nod(), 3.0)[:1], smoothing).similarities)
    assert raw.shape == (1, 4)
    clean = to_numbers(smooth_landmarks(_landmarks(_nod()), smoothing).similarities)[:, :2] - (0, eyes)
    speed = np.gradient(truth[:, 1])
    lag = -((clean - truth)[10:-10, 1] * speed[10:-10]).sum() / (speed[10:-10] ** 2).sum()
    assert abs(lag) < 0.02
    assert (path - clean).std() < 0.6 * 3.0 / np.sqrt(13) * 1.5


def test_nothing_is_smoothed_across_a_cut_or_a_gap():
    middles = np.concatenate([np.tile([100.0, 100.0], (10, 1)), np.tile([300.0, 200.0], (10, 1))])
    marks = _landmarks(middles)
    marks[5] = np.nan
    path = smooth_landmarks(marks, "gaussian")
    assert 5 not in path
    assert 4 in path
    assert 20 not in path
    found = to_numbers(path.similarities[[9, 10]])[:, 0]
    assert found == pytest.approx([100, 300], abs=0.5)
