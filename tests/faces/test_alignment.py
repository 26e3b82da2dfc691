"""The pose of a face, found on its upper half, whatever the mouth does."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.alignment import Aligner, compose_affine, invert, to_grey, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face

RULE = CropRule()
BOX = np.array([73.0, 57.0, 181.0, 165.0])
MOUTH = np.array([48.0, 72.0, 1.0])  # in the crop


def similarity(shift, degrees, scale):
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([47.5, 40.0])
    return np.column_stack([linear, middle + shift - linear @ middle])


@pytest.mark.parametrize(
    "pose", [((0, 0), 0, 1), ((3.3, -2.1), 0, 1), ((0, 0), 5, 1), ((0, 0), 0, 1.06), ((-2, 3), -4, 0.95)], ids=str
)
def test_pose_is_found_although_the_mouth_changes(astronaut, pose):
    crop = crop_face(astronaut, BOX, RULE)
    pose = similarity(*pose)
    row0, row1, col0, col1 = RULE.mouth_region()
    reference = warp_crop(crop, pose)
    crop[row0:row1, col0:col1] = np.random.default_rng(0).integers(0, 256, (row1 - row0, col1 - col0, 3))
    found = Aligner(RULE).align(to_grey(crop), to_grey(reference))
    assert np.abs((found - pose) @ MOUTH).max() < 0.15


def test_no_point_lies_on_the_mouth():
    rows = Aligner(RULE).points()[:, 1]
    down = (
        ((rows + 0.5) / RULE.size - 0.5) * RULE.scale + 0.5 + RULE.shift_y
    )  # in the face's box, whose lips begin at 0.7
    assert len(rows) > 200
    assert down.min() > 0
    assert down.max() < 0.67


def test_faces_that_do_not_fit_stay_where_they_are():
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 96), np.uint8)
    found = Aligner(RULE).align(noise[0], noise[1])
    assert np.abs((found - np.eye(2, 3)) @ MOUTH).max() < 20


def test_misfit_is_small_for_the_same_face_only(astronaut):
    crop = to_grey(crop_face(astronaut, BOX, RULE))
    aligner = Aligner(RULE)
    assert aligner.alignment_rmse(crop, warp_crop(crop, similarity((2, 1), 3, 1.0))) < 8
    assert aligner.alignment_rmse(crop, np.ascontiguousarray(crop[::-1])) > 20


def test_maps_follow_and_undo_each_other():
    one, other = similarity((1, 2), 30, 1.1), similarity((-4, 0), -7, 0.8)
    np.testing.assert_allclose(compose_affine(invert(one), one), np.eye(2, 3), atol=1e-12)
    np.testing.assert_allclose(compose_affine(other, one) @ MOUTH, other @ np.append(one @ MOUTH, 1))
