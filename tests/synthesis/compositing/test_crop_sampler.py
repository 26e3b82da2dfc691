"""Values over a crop keep their places, however far they are enlarged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import compose_affine, invert
from lipsync_cli.synthesis.compositing.crop_sampler import CropSampler, at_step

SIZE = 48
SHAPE = 101, 137


def _matrix(ratio: float) -> np.ndarray:
    """Return a map from the pixels of a region to those of the crop, turned a little, from middle to middle."""
    turned = np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]]) / ratio
    return np.column_stack([turned, (24.3, 34.8) - turned @ (SHAPE[1] / 2, SHAPE[0] / 2)])


def _wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sin(x / 4) * np.cos(y / 5 + 1)


@pytest.mark.parametrize("ratio", [0.8, 1.7, 2.4, 4.5, 9])
@pytest.mark.parametrize(("factor", "top", "channels"), [(1, 0, 0), (1, 24, 3), (2, 0, 2)])
def test_it_shows_the_values_where_they_lie(ratio, factor, top, channels):
    rows, columns = (
        (np.arange(length * factor) + 0.5) / factor - 0.5 + start for length, start in ((SIZE - top, top), (SIZE, 0))
    )
    image = _wave(columns[None, :], rows[:, None]).astype(np.float32)
    matrix = _matrix(ratio)
    x, y = np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0]))
    x, y = (matrix @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])).reshape(2, *SHAPE)
    inside = (x > 3) & (x < SIZE - 4) & (y > top + 3) & (y < SIZE - 4)
    assert inside.sum() > 300
    given = np.dstack([image, 2 * image, -image][:channels]) if channels else image
    found = CropSampler(given, factor, top).sample(matrix, SHAPE)
    assert found.shape == SHAPE + ((channels,) if channels else ())
    one = found[:, :, 1] / 2 if channels else found
    assert np.abs(one - _wave(x, y))[inside].max() < 0.02


@pytest.mark.parametrize("ratio", [1.5, 3.0, 6.0])
def test_beyond_its_border_a_mask_is_nothing(ratio):
    mask = np.zeros((96, 96), np.float32)
    mask[40:80, 20:70] = 1
    matrix = _matrix(ratio)
    found = CropSampler(mask, 2, cubic=False).sample(matrix, SHAPE)
    wide = cv2.dilate(mask, np.ones((7, 7), np.uint8))
    to_mask = compose_affine(np.array([[2, 0, 0.5], [0, 2, 0.5]]), matrix)
    under = cv2.warpPerspective(wide, np.vstack([invert(to_mask), [0, 0, 1]]), SHAPE[::-1], flags=cv2.INTER_NEAREST) > 0
    assert (found[~under] == 0).all()
    assert found.max() == 1


@pytest.mark.parametrize("step", [1, 2])
def test_maps_of_layers(step):
    matrix = _matrix(3)
    here = at_step(matrix, step, 10, 20)
    for place in ((0, 0), (5, 3)):
        whole = 10 + place[0] * step + (step - 1) / 2, 20 + place[1] * step + (step - 1) / 2  # the middle of the pixel
        assert here @ (*place, 1) == pytest.approx(matrix @ (*whole, 1))
