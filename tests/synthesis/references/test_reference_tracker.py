"""The generator sees the resting face alone, unless the head turns away from it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import Aligner, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.synthesis.compositing.compositor import reference_face
from lipsync_cli.synthesis.references.reference_tracker import ReferenceTracker

RULE = CropRule()
BOX = np.array([73.0, 57.0, 181.0, 165.0])
NUM = 4
SLIGHTLY = 0.84  # turned so far that the resting face no longer says it all, and its own not yet


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
    "matrix", [[[1, 0, 5], [0, 1, -3]], [[0.99, 0.1, -9], [-0.1, 0.99, 12]]], ids=["shift", "turn"]
)
def test_of_a_head_that_keeps_its_pose_nothing_is_seen(astronaut, tracker, matrix):
    frame = speaking(moved(astronaut, matrix))
    pose, held = tracker.find(0, frame)
    assert held is None
    rows = slice(20, 50)
    back = warp_crop(crop_face(frame, BOX, RULE), pose)[rows, 20:76].astype(int)
    assert np.abs(back - crop_face(astronaut, BOX, RULE)[rows, 20:76]).mean() < 3


def test_of_a_head_that_turns_its_own_upper_face_is_seen(astronaut, tracker):
    pose, held = tracker.find(1, squeezed(astronaut))
    own, resting = warp_crop(crop_face(squeezed(astronaut), BOX, RULE), pose), crop_face(astronaut, BOX, RULE)
    assert held is not None
    assert held.dtype == np.uint8
    np.testing.assert_allclose(held, own, atol=1)
    assert np.abs(own.astype(int) - resting).mean() > 10


def test_between_the_two_it_is_a_mixture(astronaut, tracker):
    frame = squeezed(astronaut, SLIGHTLY)
    pose, held = tracker.find(1, frame)
    own = warp_crop(crop_face(frame, BOX, RULE), pose).astype(float)
    resting = crop_face(astronaut, BOX, RULE).astype(float)
    share = ((held - resting) * (own - resting)).sum() / ((own - resting) ** 2).sum()
    assert 0.02 < share < 0.9
    np.testing.assert_allclose(held, resting + share * (own - resting), atol=1)


class CountingAligner(Aligner):
    """Keeps the guesses that it is given."""

    def __init__(self) -> None:
        super().__init__(RULE)
        self.guesses: list[np.ndarray | None] = []

    def align(self, target, reference, guess=None):
        self.guesses.append(guess)
        return super().align(target, reference, guess)


def test_a_pose_is_found_once_from_the_one_beside_it(astronaut):
    aligner = CountingAligner()
    tracker = ReferenceTracker(np.tile(BOX, (NUM, 1)), reference_face(astronaut, BOX, RULE), RULE, aligner)
    frame = moved(astronaut, [[1, 0, 5], [0, 1, -3]])
    first, _ = tracker.find(2, frame)
    again, _ = tracker.find(2, np.zeros_like(frame))
    np.testing.assert_array_equal(first, again)
    tracker.find(1, frame)
    tracker.without_cache().find(1, frame)
    assert [guess is None for guess in aligner.guesses] == [True, False, True]
    np.testing.assert_array_equal(aligner.guesses[1], first)
