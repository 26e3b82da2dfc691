"""Aligned faces: the similarity that brings eyes and nose to their places on a mean face, and the crop that follows.

An aligned face is a square of `SIDE_MM` of the mean face of `faces.head_angle`, with the eyes level in its upper third.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.head_angle import MEAN_FACE, POINTS

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

SIDE_MM, TOP_MM = 208.0, 64.0  # of the square, and of its part above the eyes: from the hairline to an open jaw
ROOM = 1.25  # sides of an aligned face that crops for training show, so that faces may be turned and moved in them
HEAD_SIZE = 192  # pixels of these crops

# A crop with room for the aligned face, and a quarter more; of the detector's box, which ends at brows and chin.
HEAD_RULE = CropRule(scale=1.9, shift_y=0.05, size=HEAD_SIZE)

# The detector's box of an aligned face, x0 y0 x1 y1: brows to chin.
BOX_IN_ALIGNED = 0.17, 0.21, 0.83, 0.87

_PLACES = (MEAN_FACE[:, :2] + (SIDE_MM / 2, TOP_MM)) / SIDE_MM


def align(landmarks: np.ndarray) -> np.ndarray:
    """Return the similarities that bring faces into the unit square, by least squares (Umeyama 1991).

    Only points that speech does not move count: corners of the eyes, and the nose.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), x and y in pixels, a pixel covering the area from its index to its index plus one

    Returns
    -------
    shape (n, 2, 3), float64, from these places to those of the square, 0 ... 1; NaN where landmarks are
    """
    points = landmarks[:, POINTS].astype(np.float64)
    middles, middle = points.mean(1), _PLACES.mean(0)
    here = (points - middles[:, None]) @ (1, 1j)
    there = (_PLACES - middle) @ (1, 1j)
    with np.errstate(invalid="ignore"):
        factor = (here.conj() * there).sum(1) / np.maximum((np.abs(here) ** 2).sum(1), 1e-9)
    return from_numbers(np.column_stack([factor.real, factor.imag, *_origin(factor, middles, middle)]))


def to_numbers(matrices: np.ndarray) -> np.ndarray:
    """Return what is smoothed of similarities (n, 2, 3): middle x and y of the face, log of its size, and its angle.

    Returns
    -------
    shape (n, 4): x, y in pixels, natural logarithm of the side in pixels, angle in radians, without jumps by a turn
    """
    factor = matrices[:, 0, 0] + 1j * matrices[:, 1, 0]
    back = (0.5 + 0.5j - (matrices[:, 0, 2] + 1j * matrices[:, 1, 2])) / factor
    angle = np.angle(factor)
    known = ~np.isnan(angle)
    angle[known] = np.unwrap(angle[known])
    return np.column_stack([back.real, back.imag, -np.log(np.abs(factor)), angle])


def to_similarities(numbers: np.ndarray) -> np.ndarray:
    """Return the similarities (n, 2, 3) of which `to_numbers` gives these numbers (n, 4)."""
    factor = np.exp(-numbers[:, 2] + 1j * numbers[:, 3])
    shift = 0.5 + 0.5j - factor * (numbers[:, 0] + 1j * numbers[:, 1])
    return from_numbers(np.column_stack([factor.real, factor.imag, shift.real, shift.imag]))


def from_numbers(numbers: np.ndarray) -> np.ndarray:
    """Return similarities (n, 2, 3) by their two factors and two shifts, (n, 4)."""
    a, b, x, y = numbers.T
    return np.stack([np.stack([a, -b, x], 1), np.stack([b, a, y], 1)], 1)


def to_indices(similarity: np.ndarray, size: int, room: float = 1.0) -> np.ndarray:
    """Return a similarity (2, 3) as a map from pixel indices of the frame to those of an aligned crop.

    Parameters
    ----------
    size : side of the crop, pixels
    room : sides of an aligned face that the crop shows, the face in its middle
    """
    matrix = similarity * (size / room)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) + size * (0.5 - 0.5 / room) - 0.5
    return matrix


def to_places(landmarks: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return landmarks (n, 68, 2) in the unit squares that similarities (n, 2, 3) bring them to."""
    moved: np.ndarray = np.einsum("nij,nkj->nki", matrices[:, :, :2], landmarks) + matrices[:, None, :, 2]
    return moved


def cut_aligned(frame: Frame, similarity: np.ndarray, size: int, room: float = 1.0) -> np.ndarray:
    """Cut an aligned face out of a frame: sub-pixel, averaged over each pixel's area when it shrinks.

    Parameters
    ----------
    frame : shape (H, W, 3) uint8; what lies outside repeats its border
    similarity : shape (2, 3), from places in the frame to the unit square
    size, room : see `to_indices`

    Returns
    -------
    shape (size, size, 3) uint8, channels in the frame's order
    """
    import cv2

    matrix = to_indices(similarity, size, room)
    fine = max(1, math.ceil(1 / math.hypot(*matrix[:, 0]) - 1e-6))
    enlarged = matrix * fine
    enlarged[:, 2] += (fine - 1) / 2
    corners = np.array([[0, 0, size, size], [0, size, 0, size]]) - 0.5
    back: np.ndarray = cv2.invertAffineTransform(matrix)
    reach = back[:, :2] @ corners + back[:, 2:]
    limit = np.array(frame.shape[1::-1])
    first = np.clip(np.floor(reach.min(1)).astype(int) - 2, 0, limit - 1)
    stop = np.clip(np.ceil(reach.max(1)).astype(int) + 3, first + 1, limit)
    part = np.ascontiguousarray(frame[first[1] : stop[1], first[0] : stop[0]])  # OpenCV's coordinates end at 32767
    enlarged[:, 2] += enlarged[:, :2] @ first
    wide = (size * fine, size * fine)
    cut = cv2.warpAffine(part, enlarged, wide, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cut if fine == 1 else cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)


def _origin(factor: np.ndarray, middles: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shift = middle @ (1, 1j) - factor * (middles @ (1, 1j))
    return shift.real, shift.imag
