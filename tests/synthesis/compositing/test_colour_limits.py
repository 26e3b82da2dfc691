"""Painted mouths have colours that mouths have."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.synthesis.compositing.colour_limits import ColourLimits, skin_chroma

RULE = CropRule()
SKIN = np.array([205, 160, 135], np.uint8)
ROW0, ROW1, COLUMN0, COLUMN1 = RULE.mouth_region()
MIDDLE = slice((3 * ROW0 + ROW1) // 4 - 48, (ROW0 + 3 * ROW1) // 4 - 48), slice(COLUMN0 + 8, COLUMN1 - 8)


def face(colour=SKIN) -> np.ndarray:
    crop = np.full((96, 96, 3), (30, 120, 160), np.uint8)  # a wall
    cv2.ellipse(crop, (48, 50), (34, 44), 0, 0, 360, [int(value) for value in colour], -1)
    crop[ROW0:ROW1, COLUMN0:COLUMN1] = (150, 40, 60)  # a mouth is no skin
    return crop


def lower(*colour: float) -> np.ndarray:
    return np.tile(np.float32(colour) / 255, (48, 96, 1))


def chroma(pixels: np.ndarray) -> np.ndarray:
    """Return (n, 3): Y, Cb, Cr of pixels in [0, 1], by OpenCV."""
    coded = cv2.cvtColor(np.ascontiguousarray(pixels, np.float32), cv2.COLOR_RGB2YCrCb).reshape(-1, 3)
    return np.column_stack([coded[:, 0], coded[:, 2] - 0.5, coded[:, 1] - 0.5])


def test_the_skin_is_the_cheeks_whatever_the_wall_and_the_mouth():
    expected = chroma(SKIN[None, None] / np.float32(255))[0, 1:]
    np.testing.assert_allclose(skin_chroma(face(), RULE), expected, atol=0.01)


@pytest.mark.parametrize("colour", [(120, 80, 75), (205, 160, 135), (150, 105, 95), (190, 70, 80)])
def test_colours_of_mouths_stay(colour):
    patch = lower(*colour)
    np.testing.assert_allclose(ColourLimits(RULE).keep(patch, skin_chroma(face(), RULE)), patch, atol=1e-6)


@pytest.mark.parametrize("colour", [(110, 150, 125), (90, 90, 110), (160, 160, 160)], ids=["green", "blue", "grey"])
def test_others_turn_to_the_skin_s_hue_and_keep_their_light(colour):
    patch, skin = lower(*colour), skin_chroma(face(), RULE)
    kept = ColourLimits(RULE).keep(patch, skin)
    before, after = chroma(patch[MIDDLE]), chroma(kept[MIDDLE])
    np.testing.assert_allclose(after[:, 0], before[:, 0], atol=0.005)
    along = skin / np.hypot(*skin)
    assert (after[:, 1:] @ along >= 0.39 * np.hypot(*skin)).all()
    assert (after[:, 1:] @ [-along[1], along[0]] <= 0.21 * np.hypot(*skin)).all()
    red, green, blue = kept[MIDDLE].reshape(-1, 3).mean(0)
    assert red > green
    assert red > blue
    np.testing.assert_array_equal(kept[:, :COLUMN0], patch[:, :COLUMN0])  # collars may have any colour
    np.testing.assert_array_equal(kept[ROW1 - 48 :], patch[ROW1 - 48 :])


def test_in_a_grey_photo_mouths_are_grey():
    skin = skin_chroma(np.full((96, 96, 3), 128, np.uint8), RULE)
    kept = ColourLimits(RULE).keep(lower(110, 150, 125), skin)[MIDDLE]
    assert np.abs(chroma(kept)[:, 1:]).max() < 0.01
