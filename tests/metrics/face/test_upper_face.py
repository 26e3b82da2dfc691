"""Change of the upper face."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.metrics.face.upper_face import upper_face_change


def test_change_is_the_mean_over_pixels_and_colours_of_the_upper_half() -> None:
    real = np.full((2, 8, 8, 3), 100, np.uint8)
    crops = real.copy()
    crops[1, 0, :, 0] = 124  # a quarter of the rows, a third of the colours
    assert upper_face_change(crops, real) == pytest.approx([0, 24 / 4 / 3])


def test_darker_and_brighter_do_not_cancel() -> None:
    real = np.full((1, 8, 8, 3), 100, np.uint8)
    crops = real.copy()
    crops[0, :, :4], crops[0, :, 4:] = 90, 110
    assert upper_face_change(crops, real) == pytest.approx([10])


def test_lower_half_does_not_count() -> None:
    real = np.zeros((1, 8, 8, 3), np.uint8)
    crops = real.copy()
    crops[:, 4:] = 255
    assert upper_face_change(crops, real) == pytest.approx([0])
