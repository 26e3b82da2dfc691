"""Sixty-eight points of a face: brows, eyes, nose, lips and jaw."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import ToolError
from lipsync_cli.faces.dlib_models import ALL_LANDMARKS, HINT, find_pretrained

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

LANDMARK_COUNT = 68

_SIDE = 200  # pixels: the face's box is brought to this size, since the predictor answers in whole pixels
_MARGIN = 0.4  # of the box's side around it
_LOOKS = ((0.0, 0.0, 1.0), (0.025, 0.015, 1.03), (-0.025, 0.015, 0.97), (0.015, -0.025, 0.98), (-0.015, -0.025, 1.02))


@lru_cache(maxsize=1)
def load_predictor() -> Any | None:
    """Return dlib's predictor (Kazemi and Sullivan 2014; trained on iBUG 300-W), or None if it is not installed."""
    import dlib

    path = find_pretrained(ALL_LANDMARKS)
    return None if path is None else dlib.shape_predictor(str(path))


def need_predictor(purpose: str) -> Any:
    """Return dlib's predictor; raise ToolError, which says what it is needed for, if it is not installed."""
    predictor = load_predictor()
    if predictor is None:
        raise ToolError(f"{purpose} needs dlib's landmarks, which are not installed", hint=HINT)
    return predictor


def find_landmarks(predictor: Any, crops: np.ndarray, rule: CropRule, looks: int = len(_LOOKS)) -> np.ndarray:
    """Find the landmarks of crops.

    Parameters
    ----------
    predictor : from `load_predictor`
    crops : shape (n, S, S, 3), uint8 RGB
    looks : at each face, as of `find_points`

    Returns
    -------
    shape (n, 68, 2), float64: x and y in pixels of the crop, in iBUG's order (48 to 67 are the lips)
    """
    box = rule.box_in_crop(crops.shape[1])
    return np.stack([find_points(predictor, crop, box, looks) for crop in crops])


def find_points(predictor: Any, image: np.ndarray, box: np.ndarray, looks: int = len(_LOOKS)) -> np.ndarray:
    """Find the landmarks of one face.

    The predictor answers in whole pixels and jumps when the box moves a little. So the face is enlarged, and the points
    are the mean over five boxes that differ by some per cent: on a face of 110 pixels that halves the noise.

    Parameters
    ----------
    image : shape (H, W, 3), uint8 RGB
    box : x0, y0, x1, y1 in pixels, as dlib's HOG detector or a track of it gives it
    looks : boxes of which the mean is taken; one takes a third of the time of all

    Returns
    -------
    shape (68, 2) float64: x and y, a pixel covering the area from its index to its index plus one; NaN if the box is
    """
    import dlib

    if np.isnan(box).any():
        return np.full((LANDMARK_COUNT, 2), np.nan)
    x0, y0, x1, y1 = (float(value) for value in box)
    scale = _SIDE / max((x1 - x0 + y1 - y0) / 2, 1.0)
    reach = _SIDE * (0.5 + _MARGIN) / scale
    left, top = (x0 + x1) / 2 - reach, (y0 + y1) / 2 - reach
    patch = _enlarge(image, left, top, 2 * reach, round(_SIDE * (1 + 2 * _MARGIN)))
    points = np.zeros((LANDMARK_COUNT, 2))
    for right, down, growth in _LOOKS[:looks]:
        x, y, half = len(patch) / 2 + right * _SIDE, len(patch) / 2 + down * _SIDE, _SIDE * growth / 2
        edges = (round(edge) for edge in (x - half, y - half, x + half - 1, y + half - 1))
        points += [(part.x, part.y) for part in predictor(patch, dlib.rectangle(*edges)).parts()]
    return (points / len(_LOOKS[:looks]) + 0.5) / scale + (left, top)


def _enlarge(image: np.ndarray, left: float, top: float, side: float, size: int) -> np.ndarray:
    """Return a square of an image in grey, `size` pixels wide; what lies outside the image repeats its border."""
    import cv2

    limit = np.array(image.shape[1::-1])
    start = np.clip(np.floor([left, top]).astype(int) - 2, 0, limit - 1)
    stop = np.clip(np.ceil([left + side, top + side]).astype(int) + 3, start + 1, limit)
    part = cv2.cvtColor(np.ascontiguousarray(image[start[1] : stop[1], start[0] : stop[0]]), cv2.COLOR_RGB2GRAY)
    fine = max(1, round(side / size))  # samples along one side of a pixel, so that none of the image's is skipped
    scale = size * fine / side
    shift = (0.5 + start - (left, top)) * scale - 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    flags = cv2.INTER_CUBIC if fine == 1 else cv2.INTER_LINEAR
    wide = (size * fine, size * fine)
    patch = cv2.warpAffine(part, matrix, wide, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return patch if fine == 1 else cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA)
