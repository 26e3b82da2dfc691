"""Faces on the mean face: fits against known similarities, and places in crops against the crop rule's own matrix."""

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.similarity import crop_to_aligned, fit_similarity, smooth_points
from lipsync_cli.models.generators.mean_face import MEAN_FACE

TEMPLATE = np.array(MEAN_FACE)


def _similarity(angle, scale, shift):
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


@pytest.mark.parametrize("wanted", [_similarity(0.3, 1.7, (5, -9)), _similarity(-2.0, 0.2, (0, 400))])
def test_a_known_similarity_is_found(wanted):
    placed = TEMPLATE @ wanted[:, :2].T + wanted[:, 2]
    assert fit_similarity(TEMPLATE, placed) == pytest.approx(wanted, abs=1e-9)


def test_a_fit_is_the_best_one():
    rng = np.random.default_rng(0)
    placed = 2 * TEMPLATE + rng.normal(0, 3, TEMPLATE.shape)

    def misfit(matrix):
        return ((TEMPLATE @ matrix[:, :2].T + matrix[:, 2] - placed) ** 2).sum()

    best = fit_similarity(TEMPLATE, placed)
    for change in (_similarity(1e-3, 1, (0, 0)), _similarity(0, 1.001, (0, 0)), _similarity(0, 1, (0.01, 0))):
        other = np.column_stack([change[:, :2] @ best[:, :2], change[:, :2] @ best[:, 2] + change[:, 2]])
        assert misfit(other) > misfit(best)


def test_no_face_gives_nan_and_no_warning():
    points = np.stack([TEMPLATE, np.full((5, 2), np.nan), np.ones((5, 2))])
    found = fit_similarity(points, TEMPLATE)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()


def test_places_in_the_crop_agree_with_the_crop_rule():
    rule, box = CropRule(size=128), np.array([40.0, 60.0, 140.0, 162.0])
    placed = 0.8 * TEMPLATE + (60, 70)  # in the clip
    inside = crop_to_aligned(placed[None], box[None], rule, TEMPLATE)[0]
    matrix = rule.matrix(box)  # of pixel indices
    wanted = (placed - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    assert TEMPLATE @ inside[:, :2].T + inside[:, 2] == pytest.approx(wanted, abs=1e-6)


def test_smoothing_keeps_a_steady_motion_and_halves_noise():
    rng = np.random.default_rng(1)
    steady = TEMPLATE + np.arange(60)[:, None, None] * 0.1
    steady[20] = np.nan
    smoothed = smooth_points(steady, 1.0)
    assert np.isnan(smoothed[20]).all()
    assert smoothed[30:50] == pytest.approx(steady[30:50], abs=1e-9)
    noise = rng.normal(0, 1, (200, 5, 2))
    assert smooth_points(noise, 1.0).std() < 0.6 * noise.std()
