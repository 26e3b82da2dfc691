"""Sixty-eight points of a face: brows, eyes, nose, lips and jaw."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.faces.pretrained import ALL_LANDMARKS, find_pretrained

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

LANDMARK_COUNT = 68


@lru_cache(maxsize=1)
def load_predictor() -> Any | None:
    """Return dlib's predictor (Kazemi and Sullivan 2014; trained on iBUG 300-W), or None if it is not installed."""
    import dlib

    path = find_pretrained(ALL_LANDMARKS)
    return None if path is None else dlib.shape_predictor(str(path))


def find_landmarks(predictor: Any, crops: np.ndarray, rule: CropRule) -> np.ndarray:
    """Find the landmarks of crops.

    Parameters
    ----------
    predictor : from `load_predictor`
    crops : shape (n, S, S, 3), uint8 RGB

    Returns
    -------
    shape (n, 68, 2), float64: x and y in pixels of the crop, in iBUG's order (48 to 67 are the lips)
    """
    import dlib

    left, top, right, bottom = (round(float(value)) for value in rule.box_in_crop(crops.shape[1]))
    box = dlib.rectangle(left, top, right - 1, bottom - 1)
    points = np.empty((len(crops), LANDMARK_COUNT, 2))
    for place, crop in zip(points, crops, strict=True):
        shape = predictor(np.ascontiguousarray(crop), box)
        place[:] = [(part.x, part.y) for part in shape.parts()]
    return points
