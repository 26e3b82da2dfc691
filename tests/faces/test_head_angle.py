"""Yaw and pitch of heads, from landmarks that were projected at known angles."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.head_angle import MEAN_FACE, POINTS, group_angles, head_angles, name_groups


def project(yaw: float, pitch: float, roll: float = 0.0, away: float = 800.0, scale: float = 1.5) -> np.ndarray:
    """Return landmarks (68, 2) of the mean face, turned by angles in degrees, seen from a distance in mm.

    Yaw turns the face to the right of the picture, pitch up: rotations about the axes, written out.
    """
    across, up, plane = np.radians([yaw, pitch, roll])
    lift = np.array([[1, 0, 0], [0, np.cos(up), -np.sin(up)], [0, np.sin(up), np.cos(up)]])
    turn = np.array([[np.cos(across), 0, np.sin(across)], [0, 1, 0], [-np.sin(across), 0, np.cos(across)]])
    spin = np.array([[np.cos(plane), -np.sin(plane), 0], [np.sin(plane), np.cos(plane), 0], [0, 0, 1]])
    face = (MEAN_FACE - MEAN_FACE.mean(0)) @ (spin @ turn @ lift).T
    landmarks = np.zeros((68, 2))
    landmarks[list(POINTS)] = scale * away * face[:, :2] / (away - face[:, 2:]) + (300, 200)
    return landmarks


@pytest.mark.parametrize("pitch", [-25, 0, 12, 30])
@pytest.mark.parametrize("yaw", [-50, -20, -5, 0, 8, 35])
def test_yaw_and_pitch_are_those_of_the_projection(yaw: float, pitch: float) -> None:
    found = head_angles(project(yaw, pitch)[None])
    assert found.yaw[0] == pytest.approx(yaw, abs=2)
    assert found.pitch[0] == pytest.approx(pitch, abs=2)


def test_whole_angle_is_that_between_face_and_line_of_sight() -> None:
    found = head_angles(project(30, 20)[None])
    wanted = np.degrees(np.arccos(np.cos(np.radians(30)) * np.cos(np.radians(20))))
    assert found.total[0] == pytest.approx(wanted, abs=2)


@pytest.mark.parametrize("roll", [-40, 25])
def test_a_head_that_leans_faces_as_far_away(roll: float) -> None:
    assert head_angles(project(20, 0, roll)[None]).total[0] == pytest.approx(20, abs=2)


@pytest.mark.parametrize("away", [500.0, 3000.0])
def test_distance_of_the_camera_hardly_matters(away: float) -> None:
    found = head_angles(project(25, 10, away=away)[None])
    assert found.yaw[0] == pytest.approx(25, abs=2)
    assert found.pitch[0] == pytest.approx(10, abs=2)


def test_scale_of_the_picture_does_not_matter() -> None:
    small, large = (head_angles(project(25, 10, scale=scale)[None]) for scale in (0.4, 9.0))
    assert small.yaw[0] == pytest.approx(large.yaw[0], abs=0.1)


def test_noise_of_a_pixel_in_a_hundred_moves_it_by_a_few_degrees() -> None:
    rng = np.random.default_rng(0)
    noisy = np.stack([project(15, 0) + rng.normal(0, 0.93, (68, 2)) for _ in range(50)])  # 1 % of the eyes' distance
    found = head_angles(noisy)
    assert np.abs(found.yaw - 15).mean() < 3


def test_no_landmarks_no_angle() -> None:
    found = head_angles(np.full((1, 68, 2), np.nan))
    assert np.isnan(np.stack(found)).all()


def test_no_frames_no_angles() -> None:
    assert head_angles(np.zeros((0, 68, 2))).yaw.shape == (0,)


def test_groups_begin_at_their_lower_edge() -> None:
    assert group_angles(np.array([0, 9.9, 10, 20, 34.9, 35, 80])).tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert name_groups() == ("0-10", "10-20", "20-35", "35+")
