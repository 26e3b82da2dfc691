"""The slow network's faces in HOG's geometry, and the two together: HOG first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from lipsync_cli.faces.detectors.detector import Detector
    from lipsync_cli.media.video.yuv_frame import Frame

MIN_SCORE = 0.7  # of the network: faces have 1.0 and more
MAX_PAUSE = 16  # thorough searches that are left out, at most, after fruitless ones
MAX_MISSES = 2  # looks near a face that has gone, one after the other

_SCALE = 1.06  # side of HOG's box in sides of the network's: mean over 16 frames of 8 people
_SHIFT = 0.03, 0.08  # of its centre in sides of the network's box, likewise


class InHogGeometry:
    """A detector whose boxes are brought to the geometry of HOG's, in which generators are trained.

    Parameters
    ----------
    network : gives MMOD's boxes
    """

    name = "hog"

    def __init__(self, network: Detector) -> None:
        self._network = network

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; see `Detector.detect`."""
        boxes, scores = self._network.detect(frame, small)
        return _converted(boxes), scores

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find a face again; see `Detector.detect_near`."""
        boxes, scores = self._network.detect_near(frame, box)
        return _converted(boxes), scores


class AutoDetector:
    """Finds what HOG finds, and faces that it misses; a clip in which HOG finds the face costs nothing more.

    A face that the network alone finds counts only if it looks towards the camera. In stretches without any face the
    network pauses longer and longer.

    Parameters
    ----------
    hog : asked first
    network : returns the slow detector, when it is first needed; its boxes are in HOG's geometry
    is_frontal : tells of a frame and a box whether the face looks towards the camera
    """

    name = "hog"

    def __init__(
        self, hog: Detector, network: Callable[[], Detector], is_frontal: Callable[[Frame, np.ndarray], bool]
    ) -> None:
        self._hog, self._make, self._is_frontal = hog, network, is_frontal
        self._network: Detector | None = None
        self._pause = self._paused = self._misses = 0

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; the network is asked in thorough searches (`small`). See `Detector.detect`."""
        boxes, scores = self._hog.detect(frame, small)
        if len(boxes) or not small:
            return boxes, scores
        if self._paused < self._pause:
            self._paused += 1
            return boxes, scores
        boxes, scores = self._usable(frame, *self._slow().detect(frame))
        self._paused, self._pause = 0, 0 if len(boxes) else min(max(1, 2 * self._pause), MAX_PAUSE)
        return boxes, scores

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find a face again; see `Detector.detect_near`."""
        boxes, scores = self._hog.detect_near(frame, box)
        if not len(boxes) and self._misses < MAX_MISSES:
            boxes, scores = self._usable(frame, *self._slow().detect_near(frame, box))
        self._misses = 0 if len(boxes) else self._misses + 1
        return boxes, scores

    def _slow(self) -> Detector:
        if self._network is None:
            self._network = self._make()
        return self._network

    def _usable(self, frame: Frame, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        good = [s >= MIN_SCORE and self._is_frontal(frame, b) for b, s in zip(boxes, scores, strict=True)]
        kept = np.array(good, bool)
        return boxes[kept], scores[kept]


def _converted(boxes: np.ndarray) -> np.ndarray:
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    middle = middle + 2 * half * np.array(_SHIFT, np.float32)
    return np.concatenate([middle - _SCALE * half, middle + _SCALE * half], axis=1).astype(np.float32)
