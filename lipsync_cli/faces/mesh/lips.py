"""Where the lips of a face are: their edges and thickness along the mouth, from a face mesh."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lipsync_cli.faces.mesh.face_mesh import CHIN, LOWER_INNER, LOWER_OUTER, NOSE, SIDES, UPPER_INNER, UPPER_OUTER

_REACH = 1.6  # of the mouth's width, to either side of its middle, for which the curves of the lips are known
_STEPS = 801


class ClosedLips(NamedTuple):
    """Lips that meet, in a picture: where the mouth is, and heights along it, all in widths of the mouth, y downwards.

    Attributes
    ----------
    middle : shape (2,), between the corners, in pixel indices
    along : shape (2,), from the corner at the left of the picture to the other one, of length one
    width : of the mouth in pixels
    x : shape (n,), places along it; the corners are at -0.5 and 0.5
    line, upper, lower : shape (n,), where the lips meet, and how thick they are
    """

    middle: np.ndarray
    along: np.ndarray
    width: float
    x: np.ndarray
    line: np.ndarray
    upper: np.ndarray
    lower: np.ndarray

    @property
    def down(self) -> np.ndarray:
        """Direction from nose to chin, shape (2,)."""
        return np.array([-self.along[1], self.along[0]])

    def transformed(self, matrix: np.ndarray) -> ClosedLips:
        """Return the same lips in another picture, to whose pixel indices a similarity (2, 3) leads."""
        along = matrix[:, :2] @ self.along
        scale = float(np.linalg.norm(along))
        middle = matrix[:, :2] @ self.middle + matrix[:, 2]
        return self._replace(middle=middle, along=along / scale, width=self.width * scale)

    def place(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where points (..., 2), pixel indices, are in the mouth's axes: x and y, each (...)."""
        offset = (points - self.middle) / self.width
        return offset @ self.along, offset @ self.down

    def at(self, curve: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the height of one of the curves at places along the mouth."""
        return np.interp(x, self.x, curve)


class Lips(NamedTuple):
    """The lips in the mouth's own axes: heights at places along them, all in widths of the mouth, y downwards.

    Attributes
    ----------
    x : shape (n,), from the middle between the corners, which are at -0.5 and 0.5
    upper_inner, gap : shape (n,), the edge of the upper lip, and from there to the lower one
    upper, lower : shape (n,), how thick they are
    nose, chin : heights at which nothing moves any more
    sides : distance from the middle, to the nearer side of the face
    """

    x: np.ndarray
    upper_inner: np.ndarray
    gap: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    nose: float
    chin: float
    sides: float


class MouthAxes(NamedTuple):
    """Where a mouth is: its middle (2,), its direction (2,) of length one, and its width in pixels."""

    middle: np.ndarray
    along: np.ndarray
    width: float

    @property
    def down(self) -> np.ndarray:
        """Direction from nose to chin, shape (2,)."""
        return np.array([-self.along[1], self.along[0]])


def symmetry(points: np.ndarray) -> float:
    """Return how far a face mesh (468, 2) looks ahead: 1 straight ahead, 0 where a side of the face is not seen."""
    axes = find_axes(points)
    right, left = np.abs((points[list(SIDES)] - axes.middle) @ axes.along)
    return float(min(right, left) / max(right, left, 1e-6))


def mouth_gap(points: np.ndarray) -> float:
    """Return how far the inner lips of a face mesh (468, 2) are apart in the middle, over the mouth's width."""
    axes = find_axes(points)
    inner = points[list(LOWER_INNER)[4:7]] - points[list(UPPER_INNER)[4:7]]
    return float((inner @ axes.down).mean() / axes.width)


def find_axes(points: np.ndarray) -> MouthAxes:
    """Return the axes of the mouth of a face mesh (468, 2)."""
    right, left = points[UPPER_OUTER[0]], points[UPPER_OUTER[-1]]
    width = float(np.linalg.norm(left - right))
    return MouthAxes((right + left) / 2, (left - right) / max(width, 1e-6), width)


def measure_lips(points: np.ndarray, axes: MouthAxes) -> Lips:
    """Measure the lips of a face mesh (468, 2) along its mouth."""
    placed = (points - axes.middle) @ np.stack([axes.along, axes.down], 1) / axes.width
    x = np.linspace(-_REACH, _REACH, _STEPS)
    kernel = np.hanning(19)
    kernel /= kernel.sum()

    def curve(numbers: tuple[int, ...]) -> np.ndarray:
        line = placed[list(numbers)]
        heights = np.interp(x, np.maximum.accumulate(line[:, 0]), line[:, 1])
        return np.convolve(np.pad(heights, len(kernel) // 2, "edge"), kernel, "valid")

    upper_inner = curve(UPPER_INNER)
    lower_inner = np.maximum(curve(LOWER_INNER), upper_inner)
    beside = np.clip((0.75 - np.abs(x)) / 0.25, 0, 1)  # there are no lips beside the mouth
    upper = beside * np.maximum(upper_inner - curve(UPPER_OUTER), 0)
    lower = beside * np.maximum(curve(LOWER_OUTER) - lower_inner, 0)
    nose, chin = float(placed[NOSE, 1]), float(placed[CHIN, 1])
    sides = float(np.abs(placed[list(SIDES), 0]).min())
    return Lips(x, upper_inner, lower_inner - upper_inner, upper, lower, nose, chin, sides)


def place_pixels(shape: tuple[int, ...], axes: MouthAxes) -> tuple[np.ndarray, np.ndarray]:
    """Return where the pixels of a picture (h, w) are in a mouth's axes: x and y, each (h, w)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    offset = np.stack([columns - axes.middle[0], rows - axes.middle[1]], -1) / axes.width
    return offset @ axes.along, offset @ axes.down
