"""Faces laid on a mean face by a similarity on eyes and nose, which no word moves: 128 x 96 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import ToolError
from lipsync_cli.faces.dlib_models import HINT
from lipsync_cli.faces.landmarks import find_points, load_predictor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lipsync_cli.faces.crop import CropRule

ALIGNED_BOX = (-2.0, 5.0, 98.0, 106.0)  # of an aligned face, as dlib's HOG detector draws boxes
STABLE = (33, 36, 39, 42, 45)  # of iBUG's 68 points: under the nose, and the corners of the eyes


def fit_similarity(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Fit the similarity (turn, scale, shift) that brings points onto a template, by least squares.

    Umeyama (1991) without reflection, written with complex numbers.

    Parameters
    ----------
    points, template : shape (..., n, 2), x and y, n at least 2

    Returns
    -------
    shape (..., 2, 3) float64; NaN where a point is NaN or all are in one place
    """
    source, wanted = (np.asarray(each, np.float64) for each in (points, template))
    one, two = source[..., 0] + 1j * source[..., 1], wanted[..., 0] + 1j * wanted[..., 1]
    centre, goal = one.mean(-1, keepdims=True), two.mean(-1, keepdims=True)
    arms = one - centre
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = (arms.conj() * (two - goal)).sum(-1) / (np.abs(arms) ** 2).sum(-1)
        shift = goal[..., 0] - factor * centre[..., 0]
    rows = [np.stack([factor.real, -factor.imag, shift.real], -1), np.stack([factor.imag, factor.real, shift.imag], -1)]
    return np.stack(rows, -2)


def find_stable_points(predictor: Any, image: np.ndarray, box: np.ndarray, looks: int = 5) -> np.ndarray:
    """Find the five points of a face, shape (5, 2) float64 x and y; arguments as of `landmarks.find_points`."""
    return find_points(predictor, image, box, looks)[list(STABLE)]


def find_aligned_landmarks(predictor: Any, faces: np.ndarray, looks: int = 1) -> np.ndarray:
    """Find all 68 points of aligned faces (n, 128, 96, 3) uint8 RGB: shape (n, 68, 2) float64, pixels."""
    return np.stack([find_points(predictor, face, np.array(ALIGNED_BOX), looks) for face in faces])


def to_square(faces: np.ndarray, size: int = 96) -> np.ndarray:
    """Lay aligned faces out as crops of the usual crop rule: the sides are filled by the edges.

    Parameters
    ----------
    faces : shape (n, 128, 96, 3), uint8

    Returns
    -------
    shape (n, size, size, 3), uint8; `ALIGNED_BOX` is where the rule has the box of a face, to a pixel or two
    """
    import cv2

    height, width = faces.shape[1:3]
    side = (height - width) // 2
    wide = np.pad(faces, ((0, 0), (0, 0), (side, height - width - side), (0, 0)), mode="edge")
    return np.stack([cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA) for face in wide])


def find_measure() -> Callable[[Any, CropRule, np.ndarray], np.ndarray]:
    """Return what finds the five points of each crop of a clip, in pixels of the clip.

    It takes crops as JPEG bytes each, or (n, S, S, 3) uint8, the crop rule, and the boxes (n, 4); it gives (n, 5, 2)
    float32, NaN without a face.

    Raises
    ------
    ToolError : dlib's landmarks are not installed
    """
    predictor = load_predictor()
    if predictor is None:
        raise ToolError("faces are aligned by dlib's landmarks, which are not installed", hint=HINT)

    def measure(crops: Any, rule: CropRule, boxes: np.ndarray) -> np.ndarray:
        import cv2

        found = np.full((len(crops), len(STABLE), 2), np.nan, np.float32)
        for place, (crop, box) in enumerate(zip(crops, boxes, strict=True)):
            if crop.ndim == 1:
                image = cv2.imdecode(crop, cv2.IMREAD_COLOR) if len(crop) else None
                crop = crop[:0] if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            if crop.any() and not np.isnan(box).any():
                points = find_stable_points(predictor, crop, rule.box_in_crop(len(crop)), looks=1)
                x0, y0, side = rule.square(box)
                found[place] = points * side / len(crop) + (x0, y0)
        return found

    return measure


def crop_to_aligned(points: np.ndarray, boxes: np.ndarray, rule: CropRule, template: np.ndarray) -> np.ndarray:
    """Say how aligned faces lie in their crops.

    Parameters
    ----------
    points : shape (n, 5, 2), of the clip's pixels
    boxes : shape (n, 4), of the clip's pixels
    template : shape (5, 2), the mean face

    Returns
    -------
    shape (n, 2, 3) float64, from places in the aligned face to places in the crop, both in pixels, a pixel covering the
    area from its index to its index plus one; NaN without a face
    """
    x0, y0, x1, y1 = np.moveaxis(np.asarray(boxes, np.float64), -1, 0)
    box_side = ((x1 - x0) + (y1 - y0)) / 2
    side = box_side * rule.scale
    corner = np.stack([(x0 + x1) / 2 - side / 2, (y0 + y1) / 2 + rule.shift_y * box_side - side / 2], -1)
    inside = (points - corner[:, None]) * (rule.size / side)[:, None, None]
    return fit_similarity(np.broadcast_to(template, inside.shape), inside)


def smooth_points(points: np.ndarray, frames: float) -> np.ndarray:
    """Smooth the points of consecutive frames over time by a centred Gaussian; frames without a face stay NaN.

    Parameters
    ----------
    points : shape (n, 5, 2)
    frames : standard deviation
    """
    reach = max(1, round(3 * frames))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / frames) ** 2)
    known = ~np.isnan(points).any((1, 2))
    filled = np.where(known[:, None, None], points, 0.0).reshape(len(points), -1)
    total = np.convolve(known, weights, "same")[: len(points)] if len(points) > 2 * reach else None
    if total is None:
        return points
    sums = np.stack([np.convolve(column, weights, "same") for column in filled.T], -1)
    smoothed = (sums / np.maximum(total, 1e-9)[:, None]).reshape(points.shape)
    return np.where(known[:, None, None], smoothed, np.nan)
