"""A grin whose lips are brought together: over the teeth, from their own pixels, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.mesh.face_mesh import LOWER_INNER, LOWER_OUTER, UPPER_INNER, UPPER_OUTER, load_face_mesh
from lipsync_cli.faces.mesh.lips import mouth_gap
from lipsync_cli.faces.mesh.mouth_closing import OPEN, WIDEST, close_mouth

BOX = np.array([86.0, 76.0, 175.0, 166.0])


@pytest.fixture(scope="module")
def points(astronaut):
    return load_face_mesh().find(astronaut, BOX)


@pytest.fixture(scope="module")
def closed(astronaut, points):
    return close_mouth(astronaut, points)


def _teeth(picture, points):
    """How bright the darkest channel is where the teeth of the grin are, less in lips than in teeth."""
    (x0, y0), (x1, y1) = points[[82, 317]].round().astype(int)
    return picture[y0 + 1 : y1, x0:x1].min(2).mean()


def test_a_grin_has_its_teeth_covered(astronaut, points, closed):
    assert mouth_gap(points) > OPEN
    assert closed.was_open
    assert _teeth(closed.picture, points) < _teeth(astronaut, points) - 25


def test_the_mesh_finds_the_lips_of_the_closed_mouth_together(closed):
    assert mouth_gap(load_face_mesh().find(closed.picture, BOX)) < OPEN


def test_eyes_hair_and_background_keep_every_bit(astronaut, points, closed):
    eyes = int(points[[33, 263], 1].max()) + 4
    np.testing.assert_array_equal(closed.picture[:eyes], astronaut[:eyes])
    chin = int(points[:, 1].max()) + 8
    np.testing.assert_array_equal(closed.picture[chin:], astronaut[chin:])
    left, right = points[:, 0].min(), points[:, 0].max()
    np.testing.assert_array_equal(closed.picture[:, : int(left) - 2], astronaut[:, : int(left) - 2])
    np.testing.assert_array_equal(closed.picture[:, int(right) + 2 :], astronaut[:, int(right) + 2 :])


def test_a_closed_mouth_stays_as_it_is_and_gets_teeth_and_dark_behind_it(closed):
    points = load_face_mesh().find(closed.picture, BOX)
    again = close_mouth(closed.picture, points)
    assert not again.was_open
    np.testing.assert_array_equal(again.picture, closed.picture)
    lips = again.lips
    x, y = (lips.middle + lips.width * (lips.at(lips.line, 0.0) + 0.12) * lips.down).round().astype(int)
    assert again.inside[y, x].astype(int).sum() < again.picture[y, x].astype(int).sum() - 60


def test_where_they_are_the_teeth_of_the_picture_are_behind_the_lips(astronaut, points, closed):
    x, y = points[[13, 14]].mean(0).astype(int)
    assert np.abs(closed.inside[y, x].astype(int) - astronaut[y, x]).max() <= 3


def test_the_lips_that_meet_are_where_they_were_drawn(closed):
    x = np.linspace(-0.3, 0.3, 7)
    line = closed.lips.middle + closed.lips.width * (
        x[:, None] * closed.lips.along + closed.lips.at(closed.lips.line, x)[:, None] * closed.lips.down
    )
    found = load_face_mesh().find(closed.picture, BOX)
    seams = found[[81, 82, 13, 312, 311]] / 2 + found[[178, 87, 14, 317, 402]] / 2 - 0.5
    assert np.abs(np.interp(line[:, 0], seams[:, 0], seams[:, 1]) - line[:, 1]).max() < 2.5


def test_an_open_mouth_that_shows_no_teeth_has_some_drawn(astronaut, points, closed):
    import cv2

    toothless = astronaut.copy()
    outline = np.concatenate([points[list(UPPER_INNER)], points[list(LOWER_INNER)][::-1]])
    cv2.fillPoly(toothless, [outline.round().astype(np.int32)], (70, 30, 30))
    lips = closed.lips
    x, y = (lips.middle + lips.width * (lips.at(lips.line, 0.0) + 0.02) * lips.down).round().astype(int)
    assert close_mouth(toothless, points).inside[y, x].mean() > toothless[y, x].mean() + 60


SKIN, LIP, DARK = (200, 160, 140), (160, 40, 40), (20, 10, 10)


@pytest.fixture(scope="module")
def jaw_down(points):
    """Return a drawn mouth, an ellipse whose inner edges are 0.4 of its width apart, and its mesh."""
    import cv2

    mesh = (points - points[[61, 291]].mean(0)) * 4 + 300
    angles = np.linspace(np.pi, 0, 11)
    for upper, lower, wide, high in ((UPPER_OUTER, LOWER_OUTER, 90, 62), (UPPER_INNER, LOWER_INNER, 78, 40)):
        for numbers, side in ((upper, -1), (lower, 1)):
            mesh[list(numbers)] = np.stack([300 + wide * np.cos(angles), 300 + side * high * np.sin(angles)], 1)
    picture = np.full((600, 600, 3), SKIN, np.uint8)
    cv2.ellipse(picture, (300, 300), (90, 62), 0, 0, 360, LIP, -1)
    cv2.ellipse(picture, (300, 300), (82, 40), 0, 0, 360, DARK, -1)  # reaches further than its mesh
    return picture, mesh


def test_lips_of_a_jaw_that_is_down_become_thin_at_their_corners(jaw_down):
    picture, mesh = jaw_down
    assert OPEN < mouth_gap(mesh) < WIDEST
    closed = close_mouth(picture, mesh)
    red = (np.abs(closed.picture.astype(int) - LIP).sum(2) < 60).sum(0)
    middle = red[300]
    assert middle > 25
    assert max(red[300 - 65], red[300 + 65]) < 0.75 * middle


def test_the_dark_in_the_corners_of_a_jaw_that_is_down_is_not_left_open(jaw_down):
    closed = close_mouth(*jaw_down).picture
    assert (closed.astype(int).sum(2) < 90).sum(0).max() < 8


def test_teeth_are_drawn_below_the_closed_lips_where_the_open_mouth_shows_none(jaw_down):
    closed = close_mouth(*jaw_down)
    lips = closed.lips
    x, y = (lips.middle + lips.width * (lips.at(lips.line, 0.0) + np.array([0.02, 0.12]))[:, None] * lips.down).T
    tooth, dark = closed.inside[y.round().astype(int), x.round().astype(int)].astype(int).sum(1)
    assert tooth > dark + 150


def test_a_jaw_that_hangs_is_left_alone(astronaut, points):
    hanging = points.copy()
    hanging[[95, 88, 178, 87, 14, 317, 402, 318, 324]] += [0, 2 * WIDEST * 50]
    assert close_mouth(astronaut, hanging) is None


def test_a_mouth_outside_of_the_picture_is_left_alone(astronaut, points):
    assert close_mouth(astronaut, points + np.array([1000, 0])) is None
    assert close_mouth(astronaut, points - np.array([0, 1000])) is None


def test_a_mouth_at_the_border_of_the_picture_is_left_alone(astronaut, points):
    lowest = int(points[list(LOWER_OUTER), 1].max())
    assert close_mouth(astronaut[: lowest + 2], points) is not None
    assert close_mouth(astronaut[: lowest - 2], points) is None


@pytest.mark.parametrize("colour", [(180, 120, 90), (60, 150, 200), (5, 5, 5)])
def test_a_mouth_with_something_over_it_is_left_alone(astronaut, points, colour):
    """Of a mask, or the like, the mesh makes lips that are apart."""
    import cv2

    covered = astronaut.copy()
    cv2.circle(covered, points[[61, 291]].mean(0).round().astype(int).tolist(), 40, colour, -1)
    noise = np.random.default_rng(1).normal(0, 0.02, covered.shape)
    covered = (covered * (1 + noise)).clip(0, 255).astype(np.uint8)
    assert close_mouth(covered, points) is None


def test_a_mouth_that_is_turned_far_is_left_alone(astronaut, points):
    turned = points.copy()
    turned[361] = points[[61, 291]].mean(0) + 0.3 * (points[361] - points[[61, 291]].mean(0))
    assert close_mouth(astronaut, turned) is None
