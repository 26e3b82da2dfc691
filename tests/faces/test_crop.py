"""The crop rule and the crop against arithmetic that is done here anew."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule, check_same, crop_brightness, crop_face

BOXES = [(100, 60, 180, 140), (10.25, 7.5, 91, 90.75), (-30, -12, 44, 60), (300, 250, 420, 371)]


def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A smooth picture (..., 3) as a function of the place; pixel (i, j) shows the place (j + 0.5, i + 0.5)."""
    return np.stack([128 + 80 * np.sin(x / 19 + y / 31), 60 + x / 4, 40 + y / 3], axis=-1)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    y, x = np.mgrid[:300, :400] + 0.5
    return np.round(waves(x, y)).astype(np.uint8)


def test_square() -> None:
    x0, y0, side = CropRule().square(np.array(BOXES[0]))
    assert side == pytest.approx(80 * 1.25)
    assert (x0 + side / 2, y0 + side / 2) == pytest.approx((140, 100 + 0.08 * 80))
    x0, y0, side = CropRule(scale=2, shift_y=0).square(np.array([0, 0, 60, 100]))  # no square: the mean of its sides
    assert (x0, y0, side) == pytest.approx((30 - 80, 50 - 80, 160))


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("size", [48, 96, 333])
def test_matrix_maps_edge_to_edge(box: tuple[float, ...], size: int) -> None:
    rule = CropRule()
    x0, y0, side = rule.square(np.array(box))
    corners = np.array([[x0, y0, 1], [x0 + side, y0 + side, 1]]) - [0.5, 0.5, 0]  # indices count from pixel centres
    mapped = corners @ rule.matrix(np.array(box), size).T
    assert mapped == pytest.approx(np.array([[-0.5, -0.5], [size - 0.5, size - 0.5]]), abs=1e-9)


@pytest.mark.parametrize("size", [40, 96, 200])
def test_crop_shows_what_is_there(picture: np.ndarray, size: int) -> None:
    rule, box = CropRule(), np.add(BOXES[0], [0.3, -0.4, 0.3, -0.4])
    crop = crop_face(picture, box, rule, size)
    x0, y0, side = rule.square(box)
    places = (np.arange(size) + 0.5) / size * side
    expected = waves(*np.meshgrid(x0 + places, y0 + places))
    assert crop.shape == (size, size, 3)
    assert crop.dtype == np.uint8
    assert crop.flags.c_contiguous
    assert np.abs(crop - expected).max() < 2.5
    assert np.abs((crop - expected).mean(axis=(0, 1))).max() < 0.6


def test_crop_there_and_back(picture: np.ndarray) -> None:
    rule, box = CropRule(size=128), np.array(BOXES[0]) + 0.37
    crop = crop_face(picture, box, rule)
    inverse = cv2.invertAffineTransform(rule.matrix(box))
    back = cv2.warpAffine(crop, inverse, (400, 300), flags=cv2.INTER_LINEAR)
    x0, y0, side = rule.square(box)
    inside = np.s_[int(y0) + 3 : int(y0 + side) - 3, int(x0) + 3 : int(x0 + side) - 3]
    assert inside[0].stop - inside[0].start > 90
    assert np.abs(back[inside].astype(int) - picture[inside]).max() <= 3


@pytest.mark.parametrize("corner", [(-40, -25), (350, 20), (10, 280), (-300, 50), (700, 900)])
def test_beyond_the_frame_its_border_goes_on(picture: np.ndarray, corner: tuple[int, int]) -> None:
    rule = CropRule(scale=1, shift_y=0, size=64)
    box = np.array([*corner, corner[0] + 64, corner[1] + 64])
    rows = np.clip(np.arange(64) + corner[1], 0, 299)
    columns = np.clip(np.arange(64) + corner[0], 0, 399)
    assert (crop_face(picture, box, rule) == picture[np.ix_(rows, columns)]).all()


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("enlarged", [1, 6])
def test_brightness_is_that_of_the_crop(picture: np.ndarray, box: tuple[float, ...], enlarged: int) -> None:
    rule = CropRule(size=48)
    frame = cv2.resize(picture, None, fx=enlarged, fy=enlarged)
    place = np.array(box) * enlarged
    grey = crop_brightness(frame, rule.matrix(place), rule)
    assert np.abs(grey - cv2.cvtColor(crop_face(frame, place, rule), cv2.COLOR_RGB2GRAY).astype(int)).max() <= 1


def test_shrinking_averages() -> None:
    fine = np.indices((400, 400)).sum(axis=0) % 2 * 255
    frame = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    rule = CropRule(scale=1, shift_y=0, size=50)
    crop = crop_face(frame, np.array([0, 0, 400, 400]), rule)
    assert np.abs(crop.astype(int) - 127.5).max() < 4  # every eighth pixel alone would be black or white
    lines = np.zeros((400, 400, 3), np.uint8)
    lines[:, ::5] = 255  # a fifth of the light
    crop = crop_face(lines, np.array([3, 3, 391, 391]), CropRule(scale=1, shift_y=0, size=43))
    assert abs(crop.mean() - 51) < 2
    assert crop.max() < 90


def test_a_frame_wider_than_opencv_can_address() -> None:
    frame = np.zeros((40, 40_000, 3), np.uint8)
    frame[:, 39_000:39_040] = np.arange(40, dtype=np.uint8)[None, :, None] * 6
    crop = crop_face(frame, np.array([39_000, 0, 39_040, 40]), CropRule(scale=1, shift_y=0, size=40))
    assert (crop == frame[:, 39_000:39_040]).all()


@pytest.mark.parametrize("rule", [CropRule(), CropRule(scale=1.6, shift_y=0.2), CropRule(scale=1.1, shift_y=-0.05)])
def test_mouth_region_is_the_same_part_of_the_face(rule: CropRule) -> None:
    size, box = 960, np.array([50, 80, 150, 180])
    row0, row1, column0, column1 = rule.mouth_region(size)
    inverse = cv2.invertAffineTransform(rule.matrix(box, size))
    corners = np.array([[column0 - 0.5, row0 - 0.5, 1], [column1 - 0.5, row1 - 0.5, 1]]) @ inverse.T + 0.5
    assert corners == pytest.approx(np.array([[75, 80 + 58.3], [125, 80 + 91.7]]), abs=0.2)


def test_mouth_region_stays_in_the_crop() -> None:
    row0, row1, column0, column1 = CropRule(scale=0.5).mouth_region(96)
    assert 0 <= row0 < row1 <= 96
    assert (column0, column1) == (0, 96)


def test_rule_through_json() -> None:
    rule = CropRule(detector="mmod", size=128, mouth=(0.2, 0.5, 0.8, 1.0))
    assert CropRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    with pytest.raises(InputError, match="unknown name in the crop rule: colour, turn"):
        CropRule.from_dict({**rule.to_dict(), "turn": 1, "colour": 2})
    for values in ({"mouth": 3}, {"mouth": ["a"]}, {"size": "96"}):
        with pytest.raises(InputError, match="in the crop rule must be"):
            CropRule.from_dict(values)
    for values in ({"size": 0}, {"scale": -1.0}, {"keyframe_interval": 0}, {"smoothing_frames": -1.0}):
        with pytest.raises(InputError, match="the crop rule has"):
            CropRule.from_dict(values)


def test_rules_that_differ() -> None:
    rule = CropRule()
    check_same(rule, CropRule(smoothing_frames=2, keyframe_interval=9, max_gap=0))  # where, not what
    for changed, words in (
        (CropRule(size=128), "differ in size: 96 and 128"),
        (CropRule(scale=1.5), "differ in scale: 1.25 and 1.5"),
        (CropRule(shift_y=0.1), "differ in shift_y: 0.08 and 0.1"),
        (CropRule(detector="mmod"), "differ in detector: hog and mmod"),
        (CropRule(mouth=(0, 0, 1, 1)), r"differ in mouth: \(0.25, 0.583, 0.75, 0.917\) and \(0, 0, 1, 1\)"),
    ):
        with pytest.raises(InputError, match=f"{words}; run detect-faces and pack anew"):
            check_same(rule, changed)
