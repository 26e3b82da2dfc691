"""How a face moves from frame to frame, to a fraction of a pixel."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lipsync_cli.media.video.resampling import grey_window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lipsync_cli.media.video.yuv_frame import Frame

_SIDE = 80  # pixels of the patch along the face's side
_MARGIN = 0.2  # of the face's side, around it in the patch
_PART = (0.15, 0.12, 0.85, 0.68)  # x0, y0, x1, y1 of the box: eyes and nose, which do not speak
_MAX_POINTS = 40
_MIN_POINTS = 8
_KEEP_FRAMES = 6  # frames after which new points are chosen
_MAX_DRIFT = 0.08  # of the face's side: how far it moves before the patch follows
_MAX_AWAY = 0.2  # of the face's side: how far it may be from where a detector sees the face
_MAX_STEP = 0.25  # of the face's side and of its size: what is taken for a motion from one frame to the next
_MAX_ERROR = 30.0  # mean difference of the grey values round a point, of 255
_AGREE = 1.0  # pixels of the patch by which a point may differ from the common motion


class Step(NamedTuple):
    """The motion of a face from the last frame to this one.

    Attributes
    ----------
    shift : shape (2,), of the box's centre, in pixels of the frame
    growth : natural logarithm of the change of size
    """

    shift: np.ndarray
    growth: float


class Steps:
    """Steps of one face with the numbers of their frames, in 32 bytes each: there are 90 000 in an hour."""

    def __init__(self) -> None:
        self._numbers, self._values = array("q"), array("d")

    def add(self, number: int, step: Step) -> None:
        """Note the step into a frame, the next or a later one than the last."""
        self._numbers.append(number)
        self._values.extend((*step.shift, step.growth))

    def drop(self, number: int) -> None:
        """Forget the last step if it leads into this frame."""
        if self._numbers and self._numbers[-1] == number:
            del self._numbers[-1], self._values[-3:]

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the frames' numbers, shape (n,), and their steps, shape (n, 3): shift x, y and growth."""
        return np.array(self._numbers, np.int64), np.array(self._values, np.float64).reshape(-1, 3)


class Motion:
    """Follows the eyes and the nose of one face by sparse optical flow (Lucas and Kanade 1981, as in OpenCV)."""

    def __init__(self) -> None:
        self._centre: np.ndarray | None = None
        self._last: Frame | None = None  # the frame before
        self._patch: Any = None  # of it
        self._points: Any = None  # shape (n, 1, 2) float32, in the patch
        self._lost = False

    def start(self, frame: Frame, box: ArrayLike) -> None:
        """Begin with the face in `box` (x0, y0, x1, y1) of a frame (H, W, 3)."""
        x0, y0, x1, y1 = (float(value) for value in np.asarray(box))
        self._centre, self._side = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, 8.0)
        self._last, self._lost = frame, False
        self._place(frame)

    def is_on(self, box: ArrayLike) -> bool:
        """Tell whether it follows the face that was found in `box`."""
        if self._centre is None or self._lost:
            return False
        x0, y0, x1, y1 = (float(value) for value in np.asarray(box))
        away = np.abs(self._centre - ((x0 + x1) / 2, (y0 + y1) / 2)).max()
        return bool(away < _MAX_AWAY * (x1 - x0) and abs(np.log(self._side / (x1 - x0))) < 1.5 * _MAX_AWAY)

    def look(self) -> np.ndarray | None:
        """Return the grey values of the face in the last frame, shape (16, 16), zero mean, unit norm."""
        import cv2

        if self._centre is None:
            return None
        edge = round(len(self._patch) * _MARGIN / (1 + 2 * _MARGIN))
        values = cv2.resize(self._patch[edge:-edge, edge:-edge], (16, 16), interpolation=cv2.INTER_AREA).astype(float)
        values -= values.mean()
        return values / max(float(np.linalg.norm(values)), 1e-6)

    def step(self, frame: Frame) -> Step | None:
        """Follow the face into the next frame; None, from then on, if it cannot be followed."""
        step = None if self._lost or self._last is None else self._step(frame)
        self._lost = step is None
        return step

    def _step(self, frame: Frame) -> Step | None:
        import cv2

        assert self._centre is not None
        assert self._last is not None
        if self._age >= _KEEP_FRAMES or np.abs(self._centre - self._anchor).max() > _MAX_DRIFT * self._side:
            self._place(self._last)
        if len(self._points) < _MIN_POINTS:
            return None
        patch = self._cut(frame)
        points, found, error = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
            self._patch,
            patch,
            self._points,
            None,
            winSize=(13, 13),
            maxLevel=2,
            criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
        )
        kept = (found[:, 0] == 1) & (error[:, 0] < _MAX_ERROR)
        fit = _similarity(self._points[kept, 0], points[kept, 0])
        if fit is None:
            return None
        middle, shift, factor, agree = fit
        here = complex(*((self._centre - self._origin) * self._scale))
        turn = shift + (factor - 1) * (here - middle)
        moved, growth = np.array([turn.real, turn.imag]) / self._scale, float(np.log(abs(factor)))
        if np.abs(moved).max() > _MAX_STEP * self._side or abs(growth) > _MAX_STEP:
            return None
        self._centre = self._centre + moved
        self._side *= float(np.exp(growth))
        self._patch, self._last = patch, frame
        self._points = points[kept][agree]
        self._age += 1
        return Step(moved, growth)

    def _place(self, frame: Frame) -> None:
        """Lay the patch around the face, and choose points in it."""
        import cv2

        assert self._centre is not None
        self._anchor, self._age = self._centre, 0
        self._scale = min(1.0, _SIDE / self._side)
        self._origin = self._centre - self._side * (0.5 + _MARGIN)
        self._size = round(self._side * (1 + 2 * _MARGIN) * self._scale)
        self._patch = self._cut(frame)
        mask = np.zeros_like(self._patch)
        x0, y0, x1, y1 = (round((value + _MARGIN) / (1 + 2 * _MARGIN) * self._size) for value in _PART)
        mask[y0:y1, x0:x1] = 1
        found = cv2.goodFeaturesToTrack(self._patch, _MAX_POINTS, 0.01, 4, mask=mask, blockSize=5)
        self._points = np.zeros((0, 1, 2), np.float32) if found is None else found

    def _cut(self, frame: Frame) -> np.ndarray:
        """Return the patch of a frame in grey."""
        shift = -self._origin * self._scale
        matrix = np.array([[self._scale, 0, shift[0]], [0, self._scale, shift[1]]])
        return grey_window(frame, matrix, self._size, max(1, round(1 / self._scale)))


def _similarity(old: np.ndarray, new: np.ndarray) -> tuple[complex, complex, complex, np.ndarray] | None:
    """Fit shift, turn and change of size to points (n, 2), leaving out those that move differently.

    Returns
    -------
    middle : the mean of the old points that agree, x + iy
    shift : their mean motion
    factor : new arms from the middle over old ones: its magnitude is the change of size, its angle the turn
    agree : shape (n,) bool
    """
    place = old[:, 0] + 1j * old[:, 1]
    motion = new[:, 0] + 1j * new[:, 1] - place
    if len(old) < _MIN_POINTS:
        return None
    least = max(_MIN_POINTS, len(old) // 3)
    middles = [(len(old) - 1) // 2, len(old) // 2]
    usual = np.sort([motion.real, motion.imag])[:, middles].mean(axis=1)  # medians, sooner than NumPy's
    agree = np.abs(motion - complex(*usual)) < 4 * _AGREE
    for _ in range(3):
        count = np.count_nonzero(agree)
        if count < least:
            return None
        middle, shift = place[agree].sum() / count, motion[agree].sum() / count
        arms = place - middle
        held = arms[agree]
        slope = np.vdot(held, motion[agree] - shift) / max(np.vdot(held, held).real, 1e-6)
        before, agree = agree, np.abs(motion - shift - slope * arms) < _AGREE
        if np.array_equal(before, agree):
            break
    if np.count_nonzero(agree) < least:
        return None
    return complex(middle), complex(shift), complex(1 + slope), agree
