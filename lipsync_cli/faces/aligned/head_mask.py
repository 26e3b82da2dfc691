"""Masks of aligned faces: the hull of the landmarks, grown to jaw and hairline, and the eyes and the mouth in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREHEAD = 0.28  # of the way from the chin to the bridge of the nose: so far the brows are moved up
JAW = 0.04  # of the side: by so much the hull is wider than the landmarks, which lie on the jaw's line
FEATHER = 0.05  # of the side: over so much an outline fades, inwards
BORDER = 0.1  # of the side: likewise along the square's own border, where a forehead may reach beyond it
EYES = 0.035, 0.02  # of the side: by so much the eyes' hull is grown, and blurred
MOUTH = 0.03, 0.02

MASK_SIZE = 96  # places along a side of a mask that is kept, a multiple of 8

_BROWS = range(17, 27)
_EYES = (range(36, 42), range(42, 48))
_LIPS = range(48, 60)
_NOSE, _CHIN = 27, 8


class FaceParts(NamedTuple):
    """Masks of one face, each of shape (S, S), float32 in [0, 1].

    Attributes
    ----------
    face : from jaw to hairline, soft at its border
    eyes, mouth : likewise
    """

    face: np.ndarray
    eyes: np.ndarray
    mouth: np.ndarray


def head_hull(landmarks: np.ndarray) -> np.ndarray:
    """Return the convex hull of a face with its forehead.

    The brows are moved up along the nose's line; temples follow the ends of the jaw. No landmark lies on the hairline:
    where it is, is a guess of the face's own proportions.

    Parameters
    ----------
    landmarks : shape (68, 2), in iBUG's order

    Returns
    -------
    shape (n, 2), float32, in the landmarks' unit
    """
    import cv2

    up = (landmarks[_NOSE] - landmarks[_CHIN]) * FOREHEAD
    temples = landmarks[[0, 16]] + 0.5 * up
    points = np.concatenate([landmarks, landmarks[list(_BROWS)] + up, temples]).astype(np.float32)
    return cv2.convexHull(points)[:, 0]


def pack_mask(landmarks: np.ndarray, side: int) -> np.ndarray:
    """Draw the mask of a face over its crop, as it is kept.

    Parameters
    ----------
    landmarks : shape (68, 2), in pixels of the crop
    side : of the crop, pixels

    Returns
    -------
    shape (96, 12) uint8, a bit for each of 96 x 96 places
    """
    return np.packbits(_draw([head_hull(landmarks / side)], MASK_SIZE, 1, 0) > 0.5, axis=1)


def face_parts(landmarks: np.ndarray, size: int, room: float = 1.0) -> FaceParts:
    """Draw the masks of an aligned face.

    Parameters
    ----------
    landmarks : shape (68, 2), in the unit square
    size, room : of the crop, see `alignment.to_indices`
    """
    places = (landmarks - 0.5) / room + 0.5
    scale = size / room
    return FaceParts(
        _draw([head_hull(places)], size, JAW * scale, JAW * scale),
        _draw([places[list(points)] for points in _EYES], size, EYES[0] * scale, EYES[1] * scale),
        _draw([places[list(_LIPS)]], size, MOUTH[0] * scale, MOUTH[1] * scale),
    )


def soft_outline(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Return how much of an aligned face is replaced: nothing outside of its hull, all some way inside.

    Parameters
    ----------
    landmarks : shape (68, 2), in the unit square
    size : side of the mask, pixels

    Returns
    -------
    shape (size, size), float32 in [0, 1]; zero along the border
    """
    place = np.clip((np.arange(size, dtype=np.float32) + 0.5) / (BORDER * size), 0, 1)
    rise = place * place * (3 - 2 * place)
    ramp = np.minimum(rise, rise[::-1])
    inside: np.ndarray = _draw([head_hull(landmarks)], size, -FEATHER * size, FEATHER * size)
    return inside * ramp[:, None] * ramp


def _draw(outlines: Sequence[np.ndarray], size: int, grown: float, blurred: float) -> np.ndarray:
    """Fill outlines in the unit square, grow them by some pixels (shrink, if below 0), and soften their border."""
    import cv2

    mask: np.ndarray = np.zeros((size, size), np.float32)
    for outline in outlines:
        hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
        fixed = np.round((hull * size - 0.5) * 16).astype(np.int32)  # sixteenths of a pixel
        cv2.fillConvexPoly(mask, fixed, 1.0, cv2.LINE_8, 4)
    if reach := round(abs(grown)):
        change = cv2.dilate if grown > 0 else cv2.erode
        mask = change(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return cv2.GaussianBlur(mask, (0, 0), max(blurred / 2, 0.3))
