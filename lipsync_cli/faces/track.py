"""Which face, and where it is in every frame: the largest steady one, its boxes filled in and smoothed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.detect import make_detector
from lipsync_cli.faces.search import Face, Search, overlap
from lipsync_cli.faces.smooth import fill_gaps, runs, steady

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.detect import Detector

_SAME_SIZE = 2.0  # ratio of the sides up to which a face that comes back is taken for the one that left
_SAME_PLACE = 0.3  # intersection over union beside a cut, likewise
_SAME_LOOK = 0.6  # correlation of the grey values beside a cut, likewise

Progress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True)
class Track:
    """One face over a whole clip.

    Attributes
    ----------
    boxes : shape (N, 4) float32, x0, y0, x1, y1, square, in pixels of the frame; NaN: no face in this frame
    score : shape (N,) float32, the detector's score, interpolated between detections; NaN: no face
    landmarks : shape (N, 5, 2) float32, NaN: not known
    """

    boxes: np.ndarray
    score: np.ndarray
    landmarks: np.ndarray


def find_face(
    frames: Iterable[np.ndarray], rule: CropRule, progress: Progress | None = None, detector: Detector | None = None
) -> Track:
    """Find the largest steady face of a clip in each of its frames.

    Each frame is looked at once and let go: memory grows with the number of frames only by their boxes. Frames without
    the face are NaN, except for gaps of up to `rule.max_gap` frames. Nothing is smoothed or filled in across a cut.

    Parameters
    ----------
    frames : each of shape (H, W, 3) uint8 RGB, all of one size
    rule : how to find and smooth
    detector : used instead of the one that the rule names
    """
    search = Search(detector or make_detector(rule.detector), rule.keyframe_interval, rule.max_gap)
    for frame in frames:
        search.look(frame)
        if progress is not None:
            progress(search.count, None, "finding the face")
    boxes = np.full((search.count, 4), np.nan, np.float32)
    score = np.full(search.count, np.nan, np.float32)
    chosen = choose(search.faces)
    for shot in sorted({face.shot for face in chosen}):
        places, scores, motion = _lay_out([face for face in chosen if face.shot == shot], search.count, rule)
        for run in runs(~np.isnan(places[:, 0])):
            path = steady(places[run], motion[run], rule.smoothing_frames)
            half = np.exp(path[:, 2:]) / 2
            boxes[run] = np.concatenate([path[:, :2] - half, path[:, :2] + half], axis=1)
            score[run] = scores[run, 0]
    return Track(boxes, score, np.full((search.count, 5, 2), np.nan, np.float32))


def choose(faces: list[Face]) -> list[Face]:
    """Choose the largest steady face: area times frames times score, with all of its appearances.

    Another appearance belongs to the same face if the two are never in sight together and it has about the same size;
    beyond a cut it must also be in the same place and look alike.
    """
    chosen: list[Face] = []
    for face in sorted(faces, key=_weight, reverse=True):
        if not chosen or (
            all(one.last < face.first or face.last < one.first for one in chosen)
            and any(_is_same(*sorted((one, face), key=lambda each: each.first)) for one in chosen)
        ):
            chosen.append(face)
    return sorted(chosen, key=lambda face: face.first)


def _weight(face: Face) -> float:
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in face.boxes.values()]
    score = float(np.mean(list(face.scores.values())))
    return float(np.mean(areas)) * (face.last - face.first + 1) * min(max(score, 0.05), 1.0)


def _is_same(before: Face, after: Face) -> bool:
    one, other = before.boxes[before.last], after.boxes[after.first]
    ratio = float((one[2] - one[0]) / (other[2] - other[0]))
    if not 1 / _SAME_SIZE < ratio < _SAME_SIZE:
        return False
    if before.shot == after.shot:
        return True
    if before.last_look is None or after.first_look is None or overlap(one, other) < _SAME_PLACE:
        return False
    return float((before.last_look * after.first_look).sum()) > _SAME_LOOK


def _lay_out(faces: list[Face], count: int, rule: CropRule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay one shot's appearances of a face out over the frames of the clip.

    Returns
    -------
    places : shape (count, 3), x, y of the centre and logarithm of the side; NaN: no face
    scores : shape (count, 1); NaN: no face
    motion : shape (count, 3), change of `places` since the frame before, 0 where it is not known
    """
    values, motion = np.full((count, 4), np.nan), np.zeros((count, 3))
    for face in faces:
        for index, box in face.boxes.items():
            side = (box[2] - box[0] + box[3] - box[1]) / 2
            values[index] = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, np.log(side), face.scores[index]
        for index, step in face.steps.items():
            motion[index] = *step.shift, step.growth
        last = face.last
        for index in range(last + 1, min(last + rule.keyframe_interval, count)):  # up to where it was missed, if it was
            if index not in face.steps:
                break
            values[index] = values[index - 1]
            values[index, :3] += motion[index]
    path = np.concatenate([np.cumsum(motion, axis=0), np.zeros((count, 1))], axis=1)
    values = fill_gaps(values - path, rule.max_gap + rule.keyframe_interval - 1) + path
    return values[:, :3], values[:, 3:], motion
