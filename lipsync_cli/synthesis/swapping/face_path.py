"""Where a face is in every frame, how it is turned in the plane, and its outline, steadied over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.aligned.alignment import align, to_numbers, to_places, to_similarities
from lipsync_cli.faces.crop import KALMAN
from lipsync_cli.faces.landmarks import LANDMARK_COUNT, find_points, need_predictor
from lipsync_cli.faces.tracking.kalman import smooth_path
from lipsync_cli.faces.tracking.smoothing import gaussian, runs

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

SIGMA = 1.5  # frames: standard deviation of the Gaussian over places, sizes and angles
OUTLINE_SIGMA = 1.0  # frames: the same over the landmarks, which must follow the jaw
JUMP = 0.5  # sides of the face: what moves further from one frame to the next is another shot
LOOKS = 1  # of the predictor at each frame, see `find_points`: what follows is smoothed over time
REACH = 0.5  # sides of the box around it, that the predictor is shown


@dataclass(frozen=True)
class FacePath:
    """One face over a film.

    Attributes
    ----------
    similarities : shape (N, 2, 3), from places in the frame to the unit square of the aligned face; NaN: no face
    places : shape (N, 68, 2), landmarks in that square
    """

    similarities: np.ndarray
    places: np.ndarray

    def __contains__(self, number: int) -> bool:
        return 0 <= number < len(self.places) and not np.isnan(self.similarities[number, 0, 0])


def find_path(
    frames: Iterable[tuple[int, Frame]],
    boxes: np.ndarray,
    smoothing: str,
    progress: Callable[[int], None] = lambda done: None,
) -> FacePath:
    """Find the landmarks of a face in every frame, and steady what follows from them.

    Parameters
    ----------
    frames : numbers and pixels, in order; those without a box need not be among them
    boxes : shape (N, 4), NaN where there is no face
    smoothing : "gaussian" or "kalman", both without lag
    progress : told how many frames are done

    Raises
    ------
    ToolError : dlib's landmarks are not installed
    """
    predictor = need_predictor("a face swap")
    landmarks = np.full((len(boxes), LANDMARK_COUNT, 2), np.nan)
    for number, frame in frames:
        if not np.isnan(boxes[number, 0]):
            landmarks[number] = _look(predictor, frame, boxes[number])
        progress(number + 1)
    return smooth_landmarks(landmarks, smoothing)


def smooth_landmarks(landmarks: np.ndarray, smoothing: str) -> FacePath:
    """Steady a face by its landmarks (N, 68, 2); nothing is smoothed across a gap or a cut."""
    similarities, places = np.full((len(landmarks), 2, 3), np.nan), np.full(landmarks.shape, np.nan)
    for run in _shots(landmarks):
        numbers = to_numbers(align(landmarks[run]))
        side = float(np.exp(np.median(numbers[:, 2])))
        in_pixels = numbers * (1, 1, side, side)
        smoothed = smooth_path(in_pixels) if smoothing == KALMAN else gaussian(in_pixels, SIGMA)
        similarities[run] = to_similarities(smoothed / (1, 1, side, side))
        outline = to_places(landmarks[run], similarities[run])
        places[run] = gaussian(outline.reshape(len(outline), -1), OUTLINE_SIGMA).reshape(outline.shape)
    return FacePath(similarities, places)


def _shots(landmarks: np.ndarray) -> Iterator[slice]:
    """Yield the stretches in which a face is seen without a jump."""
    middles, spans = landmarks.mean(1), np.ptp(landmarks[:, :, 0], axis=1)
    for run in runs(~np.isnan(middles[:, 0])):
        moved = np.linalg.norm(np.diff(middles[run], axis=0), axis=1) / spans[run][1:]
        edges = [run.start, *(run.start + 1 + np.flatnonzero(moved > JUMP)).tolist(), run.stop]
        yield from (slice(start, stop) for start, stop in pairwise(edges))


def _look(predictor: object, frame: Frame, box: np.ndarray) -> np.ndarray:
    """Return the landmarks (68, 2) of a frame's face; only the part around it is converted."""
    reach = REACH * float(box[2] - box[0])
    height, width = frame.shape[:2]
    left, top = (int(max(0, edge - reach)) for edge in box[:2])
    right, bottom = (int(min(limit, edge + reach)) for edge, limit in zip(box[2:], (width, height), strict=True))
    if right - left < 2 or bottom - top < 2:
        return np.full((LANDMARK_COUNT, 2), np.nan)
    part = np.ascontiguousarray(frame[top:bottom, left:right])
    found: np.ndarray = np.array([left, top]) + find_points(
        predictor, part, box - np.array([left, top, left, top]), LOOKS
    )
    return found
