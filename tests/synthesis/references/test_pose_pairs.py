"""Pairs of frames of like pose, for `lipsync infer --adapt` of heads that turn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_cli.datasets.personal_clip import PersonalClip
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.media.video.decode import read_image
from lipsync_cli.synthesis.references.pose_pairs import NUM_TARGETS, REACH, pair_poses

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    photo = read_image(ROOT / "examples" / "astronaut.jpg")
    return cv2.resize(photo[60:200, 150:290], (96, 96), interpolation=cv2.INTER_AREA)


def sway(face: np.ndarray, num_frames: int) -> PersonalClip:
    """A head that goes to and fro, and wider in the second place of each second frame."""
    crops = []
    for number in range(num_frames):
        wide = 1.25 if number % 2 else 1.0  # no similarity undoes it
        matrix = np.array([[wide, 0, 48 - 48 * wide + 3 * np.sin(number / 7)], [0, 1, 2 * np.cos(number / 5)]])
        crops.append(cv2.warpAffine(face, matrix, (96, 96), borderMode=cv2.BORDER_REPLICATE))
    middles = (np.arange(num_frames) + 0.5) / 25
    return PersonalClip(Path("ann.mp4"), np.stack(crops), middles, np.zeros((400, 80), np.float32), CropRule())


def test_pairs_are_of_one_part_and_of_like_pose(face: np.ndarray) -> None:
    recording = sway(face, 72)
    pairs = pair_poses(recording)
    assert pairs is not None
    assert pairs.target.shape == (len(pairs.reference), NUM_TARGETS)
    end, tail = int(recording.clips[0]["num_frames"]), int(recording.clips[2]["first_frame"])
    for reference, targets in zip(pairs.reference, pairs.target, strict=True):
        assert (targets < end).all() if reference < end else (targets >= tail).all()
        distance = np.abs(targets - reference)
        assert distance.min() >= REACH[0]
        assert distance.max() <= REACH[1]
    learnt = pairs.reference < end
    alike = (pairs.target - pairs.reference[:, None]) % 2 == 0  # as wide as the reference
    assert alike[learnt].mean() > 0.95
    upper = slice(20, 50), slice(24, 72)
    real = recording.crops[pairs.reference][:, None, upper[0], upper[1]].astype(float)
    before = np.abs(recording.crops[pairs.target][:, :, upper[0], upper[1]] - real)[learnt][alike[learnt]].mean()
    after = np.abs(pairs.posed[:, :, upper[0], upper[1]] - real)[learnt][alike[learnt]].mean()
    assert after < 0.5 * before


def test_a_short_recording_has_none(face: np.ndarray) -> None:
    assert pair_poses(sway(face, 40)) is None
