"""Which face, and where it is in every frame: detections on key frames, linked, filled in and smoothed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.detect import Detector

LOOKS_NEAR = 7  # key frames searched near the known face between two that are searched everywhere

Progress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True)
class Track:
    """One face over a whole clip.

    Attributes
    ----------
    boxes : shape (N, 4) float32, x0, y0, x1, y1, square, in pixels of the frame; NaN: no face in this frame
    score : shape (N,) float32, the detector's score at the nearest key frame; NaN: no face
    landmarks : shape (N, 5, 2) float32, NaN: not known
    """

    boxes: np.ndarray
    score: np.ndarray
    landmarks: np.ndarray


def find_face(
    frames: Iterable[np.ndarray], rule: CropRule, progress: Progress | None = None, detector: Detector | None = None
) -> Track:
    """Find the largest steady face of a clip in each of its frames.

    Each frame is looked at once and let go; memory does not grow with the frames' size or number, but for the boxes.

    Parameters
    ----------
    frames : each of shape (H, W, 3) uint8 RGB, all of one size
    rule : how to find and smooth
    detector : used instead of the one that the rule names
    """
    import numpy as np

    from lipsync_cli.faces.detect import make_detector
    from lipsync_cli.faces.smooth import fill_gaps, gaussian, median, runs

    search = _Search(detector or make_detector(rule.detector))
    found: list[tuple[int, np.ndarray, np.ndarray]] = []
    count, last = 0, None
    for count, frame in enumerate(frames, start=1):
        last = frame
        if (count - 1) % rule.keyframe_interval == 0:
            found.append((count - 1, *search.look(frame)))
        if progress is not None:
            progress(count, None, "finding the face")
    if last is not None and (count - 1) % rule.keyframe_interval:
        found.append((count - 1, *search.look(last)))
    values = np.full((count, 4), np.nan)  # x, y of the centre, side, score
    for index, box, score in _choose(found, rule.max_gap + rule.keyframe_interval):
        values[index] = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0] + box[3] - box[1]) / 2, score
    values = fill_gaps(values, rule.max_gap + rule.keyframe_interval - 1)
    boxes = np.full((count, 4), np.nan, np.float32)
    for run in runs(~np.isnan(values[:, 0])):
        sigma = rule.smoothing_frames
        centre = gaussian(median(values[run, :2], int(2 * sigma)), sigma)
        size = values[run, 2:3]  # comes in steps of 20 %, while the face hardly changes its distance within a second
        half = gaussian(median(size, int(8 * sigma)), 4 * sigma) / 2
        boxes[run] = np.concatenate([centre - half, centre + half], axis=1)
    return Track(boxes, values[:, 3].astype(np.float32), np.full((count, 5, 2), np.nan, np.float32))


class _Search:
    """Looks for faces on key frames: everywhere at first, then near the one that is known.

    Everywhere again every few key frames, when the face is lost, and as long as there is more than one.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._known: np.ndarray | None = None
        self._looks_left = 0

    def look(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes and scores."""
        if self._known is not None and self._looks_left > 0:
            self._looks_left -= 1
            boxes, scores = self._detector.detect_near(frame, self._known)
            if len(boxes):
                self._known = boxes[0]
                return boxes[:1], scores[:1]
        boxes, scores = self._detector.detect(frame)
        self._known = boxes[0] if len(boxes) == 1 else None
        self._looks_left = LOOKS_NEAR
        return boxes, scores


def _choose(found: list[tuple[int, np.ndarray, np.ndarray]], max_gap: int) -> list[tuple[int, np.ndarray, float]]:
    """Link the detections to tracks by overlap and return the one with the largest area times frames."""
    tracks: list[list[tuple[int, np.ndarray, float]]] = []
    for index, boxes, scores in found:
        free = [track for track in tracks if index - track[-1][0] <= max_gap]
        for box, score in zip(boxes, scores, strict=True):
            best = max(free, key=lambda track: overlap(track[-1][1], box), default=None)
            if best is not None and overlap(best[-1][1], box) > 0.3:
                free = [track for track in free if track is not best]
                best.append((index, box, float(score)))
            else:
                tracks.append([(index, box, float(score))])

    def weight(track: list[tuple[int, np.ndarray, float]]) -> float:
        return sum(float((box[2] - box[0]) * (box[3] - box[1])) for _, box, _ in track)

    return max(tracks, key=weight, default=[])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over the union of two boxes x0, y0, x1, y1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = float(width * height)
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return both / (sum(areas) - both)
