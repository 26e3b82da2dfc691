"""Skew and thickness of lips, on points that were placed."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.metrics.mouth.lip_shape import lip_thickness, mouth_skew, thickness_ratio
from lipsync_cli.metrics.unavailable import MetricUnavailableError


def make_face(left: float = 0.0, right: float = 0.0, upper: float = 10.0, lower: float = 15.0) -> np.ndarray:
    """Place a face (68, 2) whose eyes' centres are 100 pixels apart: gaps of the inner lips, heights of the lips."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (0, 0), (100, 0)
    for column, gap in ((0, left), (1, (left + right) / 2), (2, right)):
        x = 30 + 20 * column
        points[50 + column] = x, 100 - gap / 2 - upper
        points[61 + column] = x, 100 - gap / 2
        points[67 - column] = x, 100 + gap / 2
        points[58 - column] = x, 100 + gap / 2 + lower
    return points


def test_skew_is_the_difference_of_the_two_gaps() -> None:
    faces = np.stack([make_face(8, 8), make_face(4, 11), make_face(11, 4)])
    assert mouth_skew(faces) == pytest.approx([0, 0.07, 0.07])


def test_thickness_is_that_of_both_lips_however_far_they_are_apart() -> None:
    faces = np.stack([make_face(), make_face(20, 20), make_face(upper=6, lower=8)])
    assert lip_thickness(faces) == pytest.approx([0.25, 0.25, 0.14])


@pytest.mark.parametrize("turn", [0, 90])
def test_neither_depends_on_scale_or_lean(turn: float) -> None:
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    face = 3 * make_face(4, 11)[None] @ np.array([[cosine, sine], [-sine, cosine]])
    assert mouth_skew(face) == pytest.approx([0.07])
    assert lip_thickness(face) == pytest.approx([0.25])


def test_ratio_is_that_of_closed_mouths() -> None:
    source = np.stack([make_face()] * 3 + [make_face(20, 20, upper=2, lower=2)] * 9)
    thin = np.stack([make_face(upper=8, lower=12)] * 5 + [make_face(20, 20, upper=30)] * 9)
    assert thickness_ratio(source, thin) == pytest.approx(0.8)
    assert thickness_ratio(source, source) == 1


def test_mouth_that_is_never_closed_has_no_thickness() -> None:
    closed, opened = np.stack([make_face()] * 3), np.stack([make_face(20, 20)] * 3)
    with pytest.raises(MetricUnavailableError, match="of the video is closed in 0 frames"):
        thickness_ratio(closed, opened)
    with pytest.raises(MetricUnavailableError, match="of the reference is closed in 2 frames"):
        thickness_ratio(closed[:2], closed)
