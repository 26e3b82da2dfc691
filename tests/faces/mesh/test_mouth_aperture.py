"""The inside of an open mouth, cut out along the lips."""

from __future__ import annotations

import numpy as np

from lipsync_cli.faces.mesh.face_mesh import LOWER_INNER, UPPER_INNER, load_face_mesh
from lipsync_cli.faces.mesh.mouth_aperture import cut_aperture, shows_inside
from lipsync_cli.faces.mesh.mouth_closing import close_mouth

BOX = np.array([86.0, 76.0, 175.0, 166.0], np.float32)


def test_the_teeth_of_a_smile_fill_it(astronaut):
    points = load_face_mesh().find(astronaut, BOX)
    cut = cut_aperture(astronaut, points, 12, 48)
    columns, rows = points[list(LOWER_INNER)[3:8]].T.astype(int)
    lip = astronaut[rows + 4, columns]
    assert cut.shape == (12, 48, 3)
    assert cut[3:9, 12:36].mean() > lip.mean() + 30


def test_rows_lead_from_the_upper_lip_to_the_lower_one_of_a_turned_face(astronaut):
    import cv2

    points = load_face_mesh().find(astronaut, BOX)
    painted = np.zeros_like(astronaut)
    for numbers, colour in ((UPPER_INNER, (255, 0, 0)), (LOWER_INNER, (0, 0, 255))):
        cv2.polylines(painted, [np.round(points[list(numbers)] - 0.5).astype(np.int32)], False, colour, 1)
    cut = cut_aperture(painted, points, 12, 48)[:, 12:36].mean(1)
    assert cut[:4, 0].max() > 60
    assert cut[-4:, 2].max() > 60
    assert cut[:4, 2].max() < 20
    turned = np.rot90(painted, 1)
    moved = np.stack([points[:, 1], astronaut.shape[1] - points[:, 0]], 1)
    np.testing.assert_allclose(cut_aperture(turned, moved, 12, 48)[:, 12:36].mean(1), cut, atol=30)


def test_teeth_are_told_from_lips_that_the_mesh_parts(astronaut):
    points = load_face_mesh().find(astronaut, BOX)
    assert shows_inside(astronaut, points)
    assert not shows_inside(close_mouth(astronaut, points).picture, points)
