"""Landmarks: that what the predictor says in its own picture lies at the right place of the given one."""

from types import SimpleNamespace

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.landmarks import LANDMARK_COUNT, find_landmarks, find_points

CROSS = np.array([31.25, 22.75])  # x, y in pixels of the image


def darkest(patch: np.ndarray, rectangle: object) -> SimpleNamespace:
    """Instead of a predictor: all points are in the middle of the dark spot."""
    dark = np.clip(120.0 - patch, 0, None)
    y, x = (round(float((place * dark).sum() / dark.sum())) for place in np.mgrid[: len(patch), : len(patch)])
    return SimpleNamespace(parts=lambda: [SimpleNamespace(x=x, y=y)] * LANDMARK_COUNT)


def spot(size: int, place: np.ndarray, width: float) -> np.ndarray:
    """Draw a dark spot; a pixel covers the area from its index to its index plus one."""
    fine = 8
    middles = (np.arange(size * fine) + 0.5) / fine
    x, y = (np.exp(-((middles - at) ** 2) / (2 * width**2)).reshape(size, fine).mean(1) for at in place)
    return np.repeat((200 - 180 * np.outer(y, x)).astype(np.uint8)[:, :, None], 3, 2)


@pytest.mark.parametrize("zoom", [1, 4, 16])  # faces of 30, 120 and 480 pixels: enlarged and shrunk
def test_points_are_where_they_are_seen(zoom: int) -> None:
    image = spot(48 * zoom, CROSS * zoom, 2.0 * zoom)
    box = np.array([12.3, 9.1, 42.3, 39.1]) * zoom
    points = find_points(darkest, image, box)
    assert points.shape == (LANDMARK_COUNT, 2)
    np.testing.assert_allclose(points[0] / zoom, CROSS, atol=0.12)


def test_a_face_at_the_edge_and_a_frame_without_one() -> None:
    image = spot(48, np.array([5.0, 40.0]), 2.0)
    np.testing.assert_allclose(find_points(darkest, image, np.array([-14, 22, 22, 58.0]))[0], (5, 40), atol=0.15)
    assert np.isnan(find_points(darkest, image, np.full(4, np.nan))).all()


def test_crops_use_their_own_box() -> None:
    rule = CropRule()
    crops = np.stack([spot(96, np.array([48.0, 60.0]), 4.0), spot(96, np.array([40.0, 65.0]), 4.0)])
    points = find_landmarks(darkest, crops, rule)
    np.testing.assert_allclose(points[:, 5], [(48, 60), (40, 65)], atol=0.3)
