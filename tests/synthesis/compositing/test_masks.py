"""How a drawn face fades into the frame below it."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mask import fading_masks
from lipsync_cli.media.video.yuv_frame import Layer
from lipsync_cli.synthesis.compositing.masks import FadingMasks

RULE = CropRule()
SIDE = RULE.size
STRAIGHT = np.eye(2, 3)
SOFT, FIRM, HARD = range(3)


@pytest.fixture(scope="module")
def masks() -> FadingMasks:
    return FadingMasks(fading_masks(RULE), SIDE)


@pytest.fixture(scope="module")
def weights() -> list[np.ndarray]:
    """Return the weight of each mask alone, at the crop's size."""
    return [
        FadingMasks((mask,), SIDE).choose(STRAIGHT, (SIDE, SIDE), 0, skin(), skin())[0] for mask in fading_masks(RULE)
    ]


def skin(level: float = 140.0) -> Layer:
    """Return skin with some shading, of a contrast of 20 levels."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    return Layer(1, [(level + 35 * (rows + columns - 1)).astype(np.float32)])


def with_lip(row: int, columns: slice) -> Layer:
    """Return skin with a dark lip of 5 pixels from a row on."""
    layer = skin()
    layer.parts[0][row : row + 5, columns] -= 70
    return layer


def test_a_face_that_is_like_the_frame_fades_softly_to_the_bit(masks, weights):
    weight, firm = masks.choose(STRAIGHT, (SIDE, SIDE), 0.0, skin(), skin())
    assert np.array_equal(weight, weights[SOFT])
    assert firm == 0


def test_another_light_alone_does_not_make_the_mask_firm(masks, weights):
    weight, _ = masks.choose(STRAIGHT, (SIDE, SIDE), 0.0, skin(120), skin())
    assert np.array_equal(weight, weights[SOFT])


def test_a_wide_mouth_of_the_frame_is_covered_firmly(masks, weights):
    rows, columns = np.nonzero(weights[FIRM] - weights[SOFT] == (weights[FIRM] - weights[SOFT]).max())
    below = with_lip(int(rows[0]) - 2, slice(max(0, int(columns[0]) - 6), int(columns[0]) + 6))
    weight, firm = masks.choose(STRAIGHT, (SIDE, SIDE), 0.0, skin(), below)
    assert firm > 0.5
    assert weight.sum() > weights[SOFT].sum() + 0.4 * (weights[FIRM] - weights[SOFT]).sum()


def test_a_lip_close_below_the_nose_is_covered_by_the_hard_mask(masks, weights):
    top = int(np.flatnonzero(weights[HARD].max(1) > 0.9)[0])
    below = with_lip(top - 1, slice(SIDE // 3, 2 * SIDE // 3))
    weight, _ = masks.choose(STRAIGHT, (SIDE, SIDE), 1.0, skin(), below)
    assert weight[top, SIDE // 2] > weights[FIRM][top, SIDE // 2] + 0.2


def test_the_choice_does_not_depend_on_the_size_of_the_video(masks):
    import cv2

    rows = int(0.56 * SIDE)
    face, below = skin(), with_lip(rows, slice(SIDE // 4, 3 * SIDE // 4))
    large = [
        Layer(1, [cv2.resize(each.parts[0], None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)])
        for each in (face, below)
    ]
    _, small_firm = masks.choose(STRAIGHT, (SIDE, SIDE), 0.0, face, below)
    _, large_firm = masks.choose(np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), (4 * SIDE, 4 * SIDE), 0.0, *large)
    assert large_firm == pytest.approx(small_firm, abs=0.15)


def test_a_single_mask_is_used_as_it_is(weights):
    weight, firm = FadingMasks((fading_masks(RULE)[HARD],), SIDE).choose(
        STRAIGHT, (SIDE, SIDE), 1.0, skin(), with_lip(50, slice(0, SIDE))
    )
    assert np.array_equal(weight, weights[HARD])
    assert firm == 0
