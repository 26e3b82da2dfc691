"""How the rest frame lies in the frames of a video."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import Aligner
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.depth import STRAIGHT, Pose, depth_map, turn_crop
from lipsync_cli.synthesis.compositing.compositor import reference_face
from lipsync_cli.synthesis.references.reference_tracker import ReferenceTracker

RULE = CropRule()
BOX = np.array([73.0, 57.0, 181.0, 165.0])
NUM = 4
SLIGHTLY = 0.9


@pytest.fixture
def tracker(astronaut) -> ReferenceTracker:
    return ReferenceTracker(np.tile(BOX, (NUM, 1)), reference_face(astronaut, BOX, RULE), RULE)


def moved(frame: np.ndarray, matrix) -> np.ndarray:
    return cv2.warpAffine(frame, np.float64(matrix), frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def squeezed(frame: np.ndarray, width: float = 0.7) -> np.ndarray:
    """The head as if it were turned to the side: narrower, which no similarity undoes."""
    return moved(frame, [[width, 0, 127 * (1 - width)], [0, 1, 0]])


def speaking(frame: np.ndarray) -> np.ndarray:
    frame = frame.copy()
    frame[135:160, 105:150] = np.random.default_rng(0).integers(0, 256, (25, 45, 3))
    return frame


@pytest.mark.parametrize(
    "matrix", [[[1, 0, 5], [0, 1, -3]], [[0.99, 0.1, -9], [-0.1, 0.99, 12]]], ids=["shift", "turn of the picture"]
)
def test_a_face_that_moves_in_the_picture_is_brought_back_whatever_its_mouth_does(astronaut, tracker, matrix):
    frame = speaking(moved(astronaut, matrix))
    pose = tracker.find(0, frame)
    assert np.hypot(*pose.turn) < 0.03
    rows = slice(20, 50)
    back = turn_crop(crop_face(frame, BOX, RULE), pose, depth_map(RULE))[rows, 20:76].astype(int)
    assert np.abs(back - crop_face(astronaut, BOX, RULE)[rows, 20:76]).mean() < 3
    assert tracker.unlikeness(0, frame) < 0.25
    assert tracker.firmness(0, frame) == 0


def test_a_head_that_turns_is_less_alike_and_its_mouth_is_replaced_firmly(astronaut, tracker):
    turned = squeezed(astronaut)
    assert tracker.unlikeness(0, astronaut) < tracker.unlikeness(1, squeezed(astronaut, SLIGHTLY))
    assert tracker.unlikeness(1, squeezed(astronaut, SLIGHTLY)) < tracker.unlikeness(2, turned)
    assert tracker.firmness(2, turned) == 1


class TurnedAligner(Aligner):
    """Finds every head turned so far."""

    def __init__(self, sideways: float) -> None:
        super().__init__(RULE)
        self.sideways = sideways

    def turn(self, target, reference, guess=STRAIGHT):
        return Pose(np.eye(2, 3), np.array([self.sideways, 0.0])), 0.0


@pytest.mark.parametrize(("turn", "near"), [(0.3, 1.0), (-0.5, 1.0), (0.6, 0.5), (-0.7, 0.0), (0.9, 0.0)])
def test_beyond_what_a_turn_can_explain_the_sources_mouth_shows(astronaut, turn, near):
    reference = reference_face(astronaut, BOX, RULE)
    tracker = ReferenceTracker(np.tile(BOX, (NUM, 1)), reference, RULE, TurnedAligner(turn))
    assert tracker.nearness(0, astronaut) == pytest.approx(near)


class CountingAligner(Aligner):
    """Keeps the guesses that it is given."""

    def __init__(self) -> None:
        super().__init__(RULE)
        self.guesses: list[Pose] = []

    def turn(self, target, reference, guess=STRAIGHT):
        self.guesses.append(guess)
        return super().turn(target, reference, guess)


def test_a_pose_is_found_once_from_the_one_beside_it(astronaut):
    aligner = CountingAligner()
    tracker = ReferenceTracker(np.tile(BOX, (NUM, 1)), reference_face(astronaut, BOX, RULE), RULE, aligner)
    frame = moved(astronaut, [[1, 0, 5], [0, 1, -3]])
    first = tracker.find(2, frame)
    again = tracker.find(2, np.zeros_like(frame))
    assert np.array_equal(again.matrix, first.matrix)
    assert np.array_equal(again.turn, first.turn)
    tracker.find(1, frame)
    tracker.without_cache().find(1, frame)
    assert [guess is STRAIGHT for guess in aligner.guesses] == [True, False, True]
    assert np.array_equal(aligner.guesses[1].matrix, first.matrix)


def test_poses_of_a_long_film_take_no_memory(astronaut):
    count, boxes = 5000, np.tile(BOX, (5000, 1))
    tracker = ReferenceTracker(boxes, reference_face(astronaut, BOX, RULE), RULE, TurnedAligner(0.1))
    tracemalloc.start()
    for number in range(count):
        tracker.find(number, astronaut)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000
    assert tracker.find(0, astronaut).turn[0] == 0.1
