"""Aligned faces: eyes and nose on their places whatever the pose, and pixels that follow."""

import numpy as np
import pytest

from lipsync_cli.faces.aligned.alignment import (
    HEAD_RULE,
    SIDE_MM,
    TOP_MM,
    align,
    cut_aligned,
    to_indices,
    to_numbers,
    to_places,
    to_similarities,
)
from lipsync_cli.faces.head_angle import MEAN_FACE, POINTS


def mean_landmarks(side=100.0, angle=0.0, middle=(200.0, 150.0)):
    """The mean face's eyes and nose in a frame; the other points are far away, as speech might move them."""
    points = np.full((68, 2), 1000.0)
    points[list(POINTS)] = MEAN_FACE[:, :2]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points * (side / SIDE_MM) @ turn.T + middle


@pytest.mark.parametrize(("side", "angle"), [(100, 0), (37, 0.4), (250, -1.2)])
def test_eyes_and_nose_come_to_their_places(side, angle):
    landmarks = np.stack([mean_landmarks(side, angle), mean_landmarks(side, angle, (20, 30))])
    found = to_places(landmarks, align(landmarks))[:, list(POINTS)]
    assert found == pytest.approx(
        np.broadcast_to((MEAN_FACE[:, :2] + (SIDE_MM / 2, TOP_MM)) / SIDE_MM, found.shape), abs=1e-9
    )


def test_missing_landmarks_give_no_similarity():
    landmarks = np.stack([mean_landmarks(), np.full((68, 2), np.nan)])
    assert np.isnan(align(landmarks)[:, 0, 0]).tolist() == [False, True]


def test_numbers_and_similarities_undo_each_other_and_angles_do_not_jump():
    angles = np.linspace(2.9, 3.4, 6)  # over half a turn
    landmarks = np.stack([mean_landmarks(80 + number, angle) for number, angle in enumerate(angles)])
    matrices = align(landmarks)
    numbers = to_numbers(matrices)
    assert np.exp(numbers[:, 2]) == pytest.approx(80 + np.arange(6))
    assert np.diff(numbers[:, 3]) == pytest.approx(np.full(5, -0.1))
    assert to_similarities(numbers) == pytest.approx(matrices)


@pytest.mark.parametrize("room", [1.0, 1.25])
def test_a_place_of_the_frame_is_cut_to_its_place_in_the_square(room):
    matrix = align(mean_landmarks(120, 0.3)[None])[0]
    frame = np.zeros((300, 400, 3), np.uint8)
    spot = np.linalg.inv(matrix[:, :2]) @ (np.array([0.3, 0.6]) - matrix[:, 2])
    yy, xx = np.mgrid[:300, :400] + 0.5
    frame[np.hypot(xx - spot[0], yy - spot[1]) < 4] = 255
    crop = cut_aligned(frame, matrix, 64, room)[:, :, 0].astype(float)
    rows, columns = np.mgrid[:64, :64] + 0.5
    found = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum() / 64
    assert found == pytest.approx((np.array([0.3, 0.6]) - 0.5) / room + 0.5, abs=0.004)
    there = to_indices(matrix, 64, room) @ (*spot - 0.5, 1)
    assert there == pytest.approx(64 * ((np.array([0.3, 0.6]) - 0.5) / room + 0.5) - 0.5)


def test_a_face_at_the_border_repeats_it():
    matrix = align(mean_landmarks(120, 0, (0, 0))[None])[0]
    assert (cut_aligned(np.full((50, 60, 3), 9, np.uint8), matrix, 32) == 9).all()


def test_crops_of_heads_have_room_for_the_aligned_face():
    assert HEAD_RULE.scale > 1.5
    assert HEAD_RULE.size == 192
