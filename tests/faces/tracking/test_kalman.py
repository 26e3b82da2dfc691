"""The Kalman filter on paths of which the truth is known: noise, lag, and what the published one did."""

import numpy as np
import pytest

from lipsync_cli.faces.tracking.kalman import filter_path, predict_path, smooth_path

NOISE = 1.0


def _walk(count=600):
    """Places of a head that sways, some pixels wide, in seconds: shape (count, 2)."""
    time = np.arange(count) / 25
    return np.stack([200 + 30 * np.sin(0.5 * time) + 8 * np.sin(1.7 * time), 120 + 10 * np.sin(0.9 * time)], 1)


def _lag(path, truth):
    """By how many frames a path comes after the truth, from the least squares of its difference and the speed."""
    speed = np.gradient(truth, axis=0)
    return -float(((path - truth) * speed)[20:-20].sum() / (speed**2)[20:-20].sum())


@pytest.fixture
def measured():
    return _walk() + np.random.default_rng(0).normal(0, NOISE, (600, 2))


def test_smoothed_forth_and_back_has_less_noise_and_no_lag(measured):
    truth = _walk()
    smoothed = smooth_path(measured)
    assert (smoothed - truth)[20:-20].std() < 0.4 * (measured - truth)[20:-20].std()
    assert abs(_lag(smooth_path(truth), truth)) < 0.02  # it is linear: what noise adds is none of its own


def test_the_filter_alone_lags_and_the_published_prediction_leads_by_a_frame(measured):
    truth, ramp = _walk(), np.arange(200.0)[:, None]
    assert (filter_path(measured) - truth)[20:-20].std() > (smooth_path(measured) - truth)[20:-20].std()
    assert predict_path(ramp)[100:, 0] == pytest.approx([*ramp[101:, 0], 200.0], abs=1e-3)
    assert filter_path(ramp)[100:, 0] == pytest.approx(ramp[100:, 0], abs=1e-3)
    step = np.repeat([0.0, 100.0], 200)[:, None]
    overshoot = predict_path(step).max() - 100
    assert 20 < overshoot < 28  # 24 %, as worked out by hand from its gains
    assert filter_path(step).max() - 100 < overshoot


def test_the_gains_are_the_steady_ones_of_these_noises():
    impulse = np.zeros((400, 1))
    impulse[300] = 1.0
    corrected, predicted = filter_path(impulse)[300, 0], predict_path(impulse)[300, 0]
    assert corrected == pytest.approx(0.286, abs=0.002)
    assert predicted - corrected == pytest.approx(0.046, abs=0.002)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_paths(count):
    path = np.arange(2.0 * count).reshape(count, 2)
    assert smooth_path(path).shape == path.shape
    assert filter_path(path).shape == path.shape
    if count == 1:
        assert smooth_path(path).tolist() == path.tolist()
