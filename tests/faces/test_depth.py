"""How a head that turns moves the points of its face, found and undone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import Aligner, to_grey, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.depth import STRAIGHT, Pose, depth_map, turn_crop

RULE = CropRule()
BOX = np.array([73.0, 57.0, 181.0, 165.0])


def turned(crop: np.ndarray, turn: tuple[float, float]) -> np.ndarray:
    """The face as `turn` finds it: what is at p in the result is at p + turn * depth(p) in the crop."""
    x, y = np.meshgrid(*[np.arange(RULE.size, dtype=np.float32)] * 2)
    x, y = (each + np.float32(by) * depth_map(RULE) for each, by in zip((x, y), turn, strict=True))
    return cv2.remap(crop, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def test_the_nose_stands_out_and_the_ears_lie_back() -> None:
    depth = depth_map(RULE)
    assert depth.shape == (96, 96)
    np.testing.assert_allclose(depth, depth[:, ::-1], atol=1e-4)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    assert (row, column) in {(49, 47), (49, 48), (50, 47), (50, 48), (51, 47), (51, 48)}  # the tip of the nose
    assert depth[50, 10] < depth[66, 47] - 10  # ears, mouth
    assert depth.max() - depth[22, 36] > 5  # a brow


def test_depth_grows_with_the_crop() -> None:
    double = depth_map(CropRule(size=192))
    np.testing.assert_allclose(double[1::2, 1::2], 2 * depth_map(RULE), atol=1.5)


def test_nobody_can_change_the_shared_depth() -> None:
    with pytest.raises(ValueError, match="read-only"):
        depth_map(RULE)[0, 0] = 1


@pytest.mark.parametrize("turn", [(0.15, 0.0), (-0.2, 0.0), (0.0, 0.15), (0.1, -0.1), (0.0, 0.0)], ids=str)
def test_a_turn_is_found_whatever_the_mouth_does(astronaut: np.ndarray, turn: tuple[float, float]) -> None:
    reference = crop_face(astronaut, BOX, RULE)
    target = turned(reference, turn)
    row0, row1, col0, col1 = RULE.mouth_region()
    target[row0 + 4 : row1, col0:col1] = np.random.default_rng(0).integers(0, 256, (row1 - row0 - 4, col1 - col0, 3))
    aligner, guess = Aligner(RULE), STRAIGHT
    for _ in range(5):  # as over a few frames
        guess, _ = aligner.turn(to_grey(target), to_grey(reference), guess)
    assert np.abs(guess.turn - turn).max() < 0.03
    assert np.abs(guess.matrix - np.eye(2, 3)).max() < 0.4  # pixels


def test_a_turn_explains_what_no_similarity_does(astronaut: np.ndarray) -> None:
    reference = crop_face(astronaut, BOX, RULE)
    grey, target = to_grey(reference), to_grey(turned(reference, (0.15, 0.0)))
    aligner = Aligner(RULE)
    similar = aligner.difference(warp_crop(target, aligner.align(target, grey)), grey)
    assert aligner.turn(target, grey)[1] < similar / 2


def test_a_turned_crop_comes_back(astronaut: np.ndarray) -> None:
    crop = crop_face(astronaut, BOX, RULE)
    pose = Pose(np.eye(2, 3), np.array([0.1, -0.05]))
    back = turn_crop(turned(crop, (0.1, -0.05)), pose, depth_map(RULE))
    away, apart = (np.abs(each.astype(int) - crop)[8:-8, 8:-8].mean() for each in (turned(crop, (0.1, -0.05)), back))
    assert apart < 4 < away


def test_a_head_that_is_not_where_it_was_is_found_anew(astronaut: np.ndarray) -> None:
    reference = to_grey(crop_face(astronaut, BOX, RULE))
    lost = Pose(np.array([[1.1, 0.0, 25.0], [0.0, 1.1, -25.0]]), np.array([0.4, -0.4]))
    pose, misfit = Aligner(RULE).turn(reference, reference, lost)
    assert misfit < 1
    assert np.abs(pose.turn).max() < 0.01
