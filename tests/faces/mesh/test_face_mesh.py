"""The face mesh: where the points of a real face lie, however it is turned or sized."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.faces.mesh.face_mesh import CHIN, EYES, LOWER_OUTER, NOSE, UPPER_OUTER, FaceMesh, load_face_mesh

BOX = np.array([86.0, 76.0, 175.0, 166.0])  # of the astronaut's face, as the detector gives it


@pytest.fixture(scope="module")
def points(astronaut):
    return load_face_mesh().find(astronaut, BOX)


def test_parts_of_a_face_lie_in_their_order(points):
    right, left = points[list(EYES)]
    assert right[0] < points[NOSE, 0] < left[0]
    assert right[1] < points[NOSE, 1] < points[UPPER_OUTER[5], 1] < points[LOWER_OUTER[5], 1] < points[CHIN, 1]
    assert points[UPPER_OUTER[0], 0] < points[UPPER_OUTER[-1], 0]


def test_teeth_lie_between_the_lips(astronaut, points):
    upper, lower = points[13], points[14]
    teeth = astronaut[int((upper[1] + lower[1]) / 2), int(upper[0])].astype(int)
    lip = astronaut[int((lower[1] + points[17, 1]) / 2), int(upper[0])].astype(int)
    assert lip[0] - lip[1] > teeth[0] - teeth[1] + 15  # lips are redder


def test_a_turned_face_has_its_points_turned_with_it(astronaut, points):
    height, width = astronaut.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), 20, 1.0)
    turned = cv2.warpAffine(astronaut, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    wanted = (points - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    middle = (wanted.min(0) + wanted.max(0)) / 2
    found = load_face_mesh().find(turned, np.concatenate([middle - 45, middle + 45]))
    assert np.abs(found - wanted).mean() < 1.0


def test_an_enlarged_face_has_its_points_enlarged(astronaut, points):
    large = cv2.resize(astronaut, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert np.abs(load_face_mesh().find(large, 4 * BOX) / 4 - points).mean() < 0.5


@pytest.mark.parametrize("box", [np.full(4, np.nan), np.array([5.0, 200.0, 45.0, 240.0])], ids=["no box", "no face"])
def test_where_no_face_is_there_are_no_points(astronaut, box):
    assert load_face_mesh().find(np.full_like(astronaut, 127), box) is None


def test_a_network_that_is_missing_or_damaged_is_an_input_error(tmp_path):
    path = tmp_path / "mesh.tflite"
    with pytest.raises(InputError, match="no network"):
        FaceMesh(path)
    path.write_bytes(b"junk" * 100)
    with pytest.raises(InputError, match="damaged"):
        FaceMesh(path)
