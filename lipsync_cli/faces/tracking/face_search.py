"""Every face of a clip, frame by frame: found, looked at again on key frames, followed between them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.detectors.dlib_detectors import shrink
from lipsync_cli.faces.tracking.motion_estimation import Motion, Steps
from lipsync_cli.faces.tracking.portrait import Portrait
from lipsync_cli.media.video.yuv_frame import grey

if TYPE_CHECKING:
    from lipsync_cli.faces.detectors.detector import Detector
    from lipsync_cli.media.video.yuv_frame import Frame

MAX_FACES = 4  # that are followed at a time
MAX_EVERYONE = 8  # the same where not only the largest is wanted
NEWCOMERS_EVERY = 50  # frames: how often the whole frame is searched although a face is known
EVERYONE_EVERY = 12  # the same where not only the largest is wanted
SEARCH_EVERY = 8  # frames: the same while none is known
SMALL_EVERY = 24  # frames: the same for small faces
HELD_SIDE = 720  # pixels: size to which the frames are shrunk that wait for a face to appear
MIN_SIDE = 0.4  # of the largest face: smaller ones are not followed
EVERYONE_SIDE = 0.2  # the same where not only the largest is wanted
SAME_FACE = 0.3  # intersection over union of two boxes of one face
TOUCHING = 0.05  # the same of two faces that may be mistaken for each other

_CUT_CHANGE = 24.0  # mean change of the grey values, of 255
_CUT_JUMP = 4.0  # times the usual change
_STILL_CHANGE = 8.0  # the same where the camera stands and hardly anything moves
_STILL_JUMP = 10.0
_LEAST_USUAL = 0.5
_STILL_LOOK = 0.72  # correlation of a face's grey values up to which it may be another's


@dataclass(eq=False)
class Face:
    """One face while it is in sight.

    Attributes
    ----------
    shot : number of the shot
    boxes : frame number -> x0, y0, x1, y1 as detected, in pixels of the frame
    scores : frame number -> the detector's score
    steps : motion into each frame since the one before
    first, last : numbers of the first and the last frame it was detected in
    first_look, last_look : its grey values beside a cut, shape (n, n), zero mean, unit norm
    portrait : how it looks where it was seen best
    in_doubt : whether it has met another face and may have been mistaken for it
    """

    shot: int
    boxes: dict[int, np.ndarray] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)
    first: int = -1
    last: int = -1
    first_look: np.ndarray | None = None
    last_look: np.ndarray | None = None
    portrait: Portrait | None = None
    in_doubt: bool = False
    box: np.ndarray = field(default_factory=lambda: np.zeros(4))  # where it should be now
    motion: Motion = field(default_factory=Motion)

    def box_near(self, index: int) -> np.ndarray:
        """Return the box detected in the frame that is nearest to this one."""
        return self.boxes[min(self.boxes, key=lambda number: abs(number - index))]

    def add(self, index: int, box: np.ndarray, score: float) -> None:
        """Note where it was detected in some frame."""
        self.first, self.last = min(self.first, index) if self.boxes else index, max(self.last, index)
        self.boxes[index], self.scores[index] = box, score

    def see(self, index: int, frame: Frame, box: np.ndarray, score: float) -> None:
        """Note a detection in the frame looked at."""
        self.add(index, box, score)
        if not self.motion.is_on(box):
            self.motion.start(frame, box)
        self.box = np.asarray(box, np.float64)
        if not self.in_doubt and (self.portrait is None or self.portrait.is_worse(score)):
            self.portrait = Portrait.take(frame, box, score)

    def follow(self, index: int, frame: Frame) -> bool:
        """Move the expected box along with the picture; False if the motion cannot be told."""
        step = self.motion.step(frame)
        if step is None:
            return False
        self.steps.add(index, step)
        centre = (self.box[:2] + self.box[2:]) / 2 + step.shift
        half = (self.box[2:] - self.box[:2]) / 2 * np.exp(step.growth)
        self.box = np.concatenate([centre - half, centre + half])
        return True


class Search:
    """Looks at the frames of a clip in order, once each.

    A face that is known is looked for near the place to which it has moved, on every key frame and when its motion is
    lost. The whole frame is searched while no face is known, at cuts, and now and then for newcomers.

    Parameters
    ----------
    detector : finds faces
    interval : frames from one key frame to the next
    max_gap : frames without a detection after which a face is given up
    everyone : small faces beside large ones are followed, too, and newcomers noticed soon and from their first frame

    Attributes
    ----------
    faces : all that were seen, those in sight and those before
    count : number of frames looked at
    """

    def __init__(self, detector: Detector, interval: int, max_gap: int, everyone: bool = False) -> None:
        self._detector, self._interval, self._max_gap = detector, interval, max_gap
        self._cuts = _Cuts()
        self._last: Frame | None = None
        self._shot = 0
        self._everyone = everyone
        self._max_faces = MAX_EVERYONE if everyone else MAX_FACES
        self._min_side = EVERYONE_SIDE if everyone else MIN_SIDE
        self._newcomers_every = EVERYONE_EVERY if everyone else NEWCOMERS_EVERY
        self._known: list[Face] = []
        self._waiting: deque[tuple[int, np.ndarray, float]] = deque(maxlen=SMALL_EVERY)
        self._last_search = self._last_small = -SMALL_EVERY
        self.faces: list[Face] = []
        self.count = 0

    def look(self, frame: Frame) -> None:
        """Look at the next frame, shape (H, W, 3) uint8 RGB."""
        index = self.count
        self.count += 1
        cut, known = self._cuts.look(frame), list(self._known)
        if cut == "sure":
            self._begin_shot(index)
        before = [face.box for face in self._known]
        looks = [face.motion.look() if cut == "likely" else None for face in self._known]
        followed = {id(face): face.follow(index, frame) for face in self._known}
        if cut == "likely" and not any(
            followed[id(face)] and _alike(self._last, box, frame, face.box)
            for face, box in zip(known, before, strict=True)
        ):
            for face in known:
                face.steps.drop(index)
            self._begin_shot(index, looks)
        self._last = frame
        for face in list(self._known):
            if not followed[id(face)] or (index - face.last) % self._interval == 0:
                self._look_again(face, index, frame)
        for one, other in combinations(self._known, 2):
            if overlap(one.box, other.box) > TOUCHING:
                one.in_doubt = other.in_doubt = True
        since = index - self._last_search
        if self._known:
            missed = any(index - face.last > self._interval for face in self._known)
            if since >= self._newcomers_every or (missed and since >= SEARCH_EVERY):
                self._search(index, frame, small=False)
        elif since >= SEARCH_EVERY:
            self._search(index, frame, small=index - self._last_small >= SMALL_EVERY)
        if not self._known or self._everyone:
            self._waiting.append((index, *shrink(frame, HELD_SIDE)))

    def _begin_shot(self, index: int, looks: list[np.ndarray | None] | None = None) -> None:
        self._shot += 1
        for number, face in enumerate(self._known):
            face.last_look = face.motion.look() if looks is None else looks[number]
        self._known.clear()
        self._waiting.clear()
        self._last_search = self._last_small = index - SMALL_EVERY

    def _look_again(self, face: Face, index: int, frame: Frame) -> None:
        boxes, scores = self._detector.detect_near(frame, face.box)
        others = [other for other in self._known if other is not face]
        if len(boxes) and not any(overlap(other.box, boxes[0]) > SAME_FACE for other in others):
            if face.in_doubt and not any(overlap(other.box, boxes[0]) > TOUCHING for other in others):
                face = self._begin_anew(face)
            face.see(index, frame, boxes[0], float(scores[0]))
        elif index - face.last > self._max_gap:
            self._known.remove(face)

    def _begin_anew(self, face: Face) -> Face:
        """Go on with a face that may have been mistaken for another as with one never seen before."""
        again = Face(face.shot, motion=face.motion)
        self._known[self._known.index(face)] = again
        self.faces.append(again)
        return again

    def _search(self, index: int, frame: Frame, small: bool) -> None:
        """Search the whole frame for faces that are not known yet."""
        self._last_search = index
        boxes, scores = self._detector.detect(frame, small=False)
        if small and not len(boxes):
            self._last_small = index
            boxes, scores = self._detector.detect(frame)
        found_now: list[Face] = []
        largest = max([_side(box) for box in (*boxes, *(face.box for face in self._known))], default=0.0)
        for box, score in sorted(zip(boxes, scores, strict=True), key=lambda found: -_side(found[0])):
            if len(self._known) >= self._max_faces or _side(box) < self._min_side * largest:
                break
            if any(overlap(face.box, box) > SAME_FACE for face in self._known):
                continue
            again, score_again = self._detector.detect_near(frame, box)
            if len(again):
                box, score = again[0], score_again[0]
            face = Face(self._shot)
            face.see(index, frame, box, float(score))
            face.first_look = face.motion.look()
            self._known.append(face)
            self.faces.append(face)
            found_now.append(face)
        if found_now and self._waiting:
            self._look_back(found_now)

    def _look_back(self, newcomers: list[Face]) -> None:
        """Find out since when the newly found faces have been there."""
        others = [face for face in self._known if face not in newcomers]
        for face in newcomers:
            box = face.box
            for index, image, factor in reversed(self._waiting):
                boxes, scores = self._detector.detect_near(image, box / factor)
                if not len(boxes) or scores[0] < 0:
                    break
                box = boxes[0] * np.float32(factor)
                if any(overlap(other.box_near(index), box) > TOUCHING for other in others):
                    break
                face.add(index, box, float(scores[0]))
        self._waiting.clear()


class _Cuts:
    """Tells where a new shot begins, by a sudden change of the whole picture."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual = 2.0

    def look(self, frame: Frame) -> str:
        """Look at the next frame: "no" cut, a "sure" one, or a "likely" one, which a sudden movement may be too."""
        step = max(1, min(frame.shape[:2]) // 32)
        image = frame[step // 2 :: step, step // 2 :: step].astype(np.int16).sum(axis=2)
        change = 0.0 if self._last is None else float(np.abs(image - self._last).mean()) / 3
        self._last = image
        usual = max(self._usual, _LEAST_USUAL)
        if change > max(_CUT_CHANGE, _CUT_JUMP * usual):
            return "sure"
        self._usual += 0.2 * (change - self._usual)
        return "likely" if change > max(_STILL_CHANGE, _STILL_JUMP * usual) else "no"


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over the union of two boxes x0, y0, x1, y1."""
    width = float(min(one[2], other[2]) - max(one[0], other[0]))
    height = float(min(one[3], other[3]) - max(one[1], other[1]))
    if width <= 0 or height <= 0:
        return 0.0
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _alike(before: Frame | None, box_before: np.ndarray, frame: Frame, box: np.ndarray) -> bool:
    """Tell whether the face in a box of the frame before, (H, W, 3), looks like the one in a box of this frame."""
    import cv2

    looks = []
    for image, (x0, y0, x1, y1) in ((before, box_before), (frame, box)):
        if image is None:
            return False
        height, width = image.shape[:2]
        rows = slice(int(np.clip(y0, 0, height - 2)), int(np.clip(y1, 2, height)))
        columns = slice(int(np.clip(x0, 0, width - 2)), int(np.clip(x1, 2, width)))
        values = cv2.resize(grey(image, rows, columns), (16, 16), interpolation=cv2.INTER_AREA).astype(float)
        values -= values.mean()
        looks.append(values / max(float(np.linalg.norm(values)), 1e-6))
    return float((looks[0] * looks[1]).sum()) > _STILL_LOOK


def _side(box: np.ndarray) -> float:
    return float(box[2] - box[0] + box[3] - box[1]) / 2
