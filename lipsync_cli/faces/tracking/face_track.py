"""Where a person's face is in every frame: its boxes filled in and smoothed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import KALMAN
from lipsync_cli.faces.detectors.dlib_detectors import make_detector
from lipsync_cli.faces.embedding import find_embedder, need_embedder
from lipsync_cli.faces.tracking.face_search import Face, Search
from lipsync_cli.faces.tracking.identity import Person, choose, embed_people, find_people
from lipsync_cli.faces.tracking.kalman import smooth_path
from lipsync_cli.faces.tracking.smoothing import fill_gaps, runs, steady

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.detectors.detector import Detector
    from lipsync_cli.media.video.yuv_frame import Frame

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


@dataclass(frozen=True)
class FacePoint:
    """A place in a frame at which there is a face.

    Attributes
    ----------
    frame : its index
    x, y : in pixels
    """

    frame: int
    x: float
    y: float


@dataclass(frozen=True)
class Cast:
    """The people of a clip.

    Attributes
    ----------
    people : from left to right, by the mean place of their faces
    num_frames : of the clip
    rule : how faces were found, and how they are smoothed
    """

    people: list[Person]
    num_frames: int
    rule: CropRule

    def choose(self, wanted: str | int | np.ndarray | FacePoint = "largest") -> int:
        """Return the index of the person that is meant.

        Parameters
        ----------
        wanted : "largest", "left", "right", a number counted from the left and from 0, an embedding, shape (128,), or
            a place at which the face is

        Raises
        ------
        NothingToDoError : there is no such person, or nobody at all
        ToolError : an embedding cannot be compared
        """
        if not self.people:
            raise NothingToDoError(f"no face in {self.num_frames} of {self.num_frames} frames")
        people = self.people
        if isinstance(wanted, FacePoint):
            return self._find_at(wanted)
        if isinstance(wanted, np.ndarray):
            people = embed_people(people, need_embedder("to know a face by a photo"))
        return choose(people, wanted)

    def _find_at(self, point: FacePoint) -> int:
        """Return the index of the person whose box is at a place, or nearest to it, by no more than its own size."""
        if not 0 <= point.frame < self.num_frames:
            fact = f"frame {point.frame} is not among the {self.num_frames} frames that are looked through"
            raise NothingToDoError(fact, hint="name an earlier time with --face-at")
        found: list[tuple[float, int]] = []
        for number in range(len(self.people)):
            x0, y0, x1, y1 = (float(edge) for edge in self.track(number).boxes[point.frame])
            away = max(x0 - point.x, point.x - x1, y0 - point.y, point.y - y1, 0.0)
            if away <= x1 - x0:  # never for NaN: the person is not in the frame
                found.append((away, number))
        if not found:
            fact = f"there is no face at x {point.x:g}, y {point.y:g} in frame {point.frame}"
            raise NothingToDoError(fact, hint="look at the place in a player, or choose with --face")
        return min(found)[1]

    def track(self, number: int) -> Track:
        """Return the face of one person in every frame. Nothing is smoothed or filled in across a cut."""
        boxes = np.full((self.num_frames, 4), np.nan, np.float32)
        score = np.full(self.num_frames, np.nan, np.float32)
        faces = self.people[number].faces if self.people else ()
        for shot in sorted({face.shot for face in faces}):
            places, scores, motion = _lay_out([f for f in faces if f.shot == shot], self.num_frames, self.rule)
            for run in runs(~np.isnan(places[:, 0])):
                path = _smooth(places[run], motion[run], self.rule)
                half = np.exp(path[:, 2:]) / 2
                boxes[run] = np.concatenate([path[:, :2] - half, path[:, :2] + half], axis=1)
                score[run] = scores[run, 0]
        return Track(boxes, score, np.full((self.num_frames, 5, 2), np.nan, np.float32))


def find_cast(
    frames: Iterable[Frame],
    rule: CropRule,
    progress: Progress | None = None,
    detector: Detector | None = None,
    everyone: bool = False,
) -> Cast:
    """Find the people of a clip.

    Each frame is looked at once and let go: memory grows with the number of frames only by their boxes, and with every
    appearance of a face by its small portrait. Where a face comes back, after a cut or after two faces have met, it is
    known again by its embedding if dlib's network is installed, and by place, size and grey values if not.

    Parameters
    ----------
    frames : each of shape (H, W, 3) uint8 RGB, all of one size
    rule : how to find and smooth
    detector : used instead of the one that the rule names
    everyone : look more closely, for small faces beside large ones and for late entries, too
    """
    search = Search(detector or make_detector(rule.detector), rule.keyframe_interval, rule.max_gap, everyone)
    for frame in frames:
        search.look(frame)
        if progress is not None:
            progress(search.count, None, "finding the face")
    embedder = find_embedder() if len(search.faces) > 1 else None
    return Cast(find_people(search.faces, search.count, embedder), search.count, rule)


def find_face(
    frames: Iterable[Frame], rule: CropRule, progress: Progress | None = None, detector: Detector | None = None
) -> Track:
    """Find the largest steady face of a clip in each of its frames; see `find_cast`.

    Frames without the face are NaN, except for gaps of up to `rule.max_gap` frames.
    """
    cast = find_cast(frames, rule, progress, detector)
    return cast.track(cast.choose() if cast.people else 0)


def _smooth(places: np.ndarray, motion: np.ndarray, rule: CropRule) -> np.ndarray:
    """Smooth x, y and logarithm of the side (N, 3), without lag; `motion` is not used by the Kalman filter."""
    if rule.smoothing != KALMAN:
        return steady(places, motion, rule.smoothing_frames)
    path = smooth_path(np.column_stack([places[:, :2], np.exp(places[:, 2])]))
    return np.column_stack([path[:, :2], np.log(np.maximum(path[:, 2], 1.0))])


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
        numbers, steps = face.steps.arrays()
        motion[numbers] = steps
        followed = np.zeros(count + 1, bool)
        followed[numbers] = True
        last = face.last
        for index in range(last + 1, min(last + rule.keyframe_interval, count)):  # up to where it was missed, if it was
            if not followed[index]:
                break
            values[index] = values[index - 1]
            values[index, :3] += motion[index]
    hidden = np.zeros(count, bool)  # behind another face
    for before, after in pairwise(faces):
        hidden[before.last + 1 : after.first] |= before.in_doubt
    path = np.concatenate([np.cumsum(motion, axis=0), np.zeros((count, 1))], axis=1)
    values = fill_gaps(values - path, rule.max_gap + rule.keyframe_interval - 1) + path
    values[hidden] = np.nan
    return values[:, :3], values[:, 3:], motion
