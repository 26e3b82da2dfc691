"""Which frame lends its pixels: the one whose mouth is most at rest, as the generator itself sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.speech.mel import N_MELS, SILENCE, WINDOW

if TYPE_CHECKING:
    from lipsync_cli.synthesis.footage import Footage
    from lipsync_cli.synthesis.sketch import Sketcher

NUM_CANDIDATES = 16
SIZE_TOLERANCE = 0.15  # how far a candidate's box may be from the median size
SHARPNESS = 0.5  # of the median sharpness: what is below is blurred


def choose_neutral(
    footage: Footage, boxes: np.ndarray, rule: CropRule, sketcher: Sketcher, num_candidates: int = NUM_CANDIDATES
) -> int:
    """Return the number of the frame whose mouth is most at rest.

    Each candidate is given to the generator as reference and target at once, with silence as its speech: the frame in
    which the generator changes the mouth least is the one at rest.

    Parameters
    ----------
    footage : scanned; the candidates are among the frames that it has at hand
    boxes : shape (N, 4), NaN where there is no face; at least one frame at hand has a face
    """
    numbers = np.array([n for n in footage.at_hand() if not np.isnan(boxes[n, 0])])
    numbers = _of_usual_size(numbers, boxes)
    numbers = numbers[np.unique(np.linspace(0, len(numbers) - 1, num_candidates).round().astype(int))]
    crops = np.stack([crop_face(footage.frame(n), boxes[n], rule) for n in numbers])
    sharp = np.array([_sharpness(crop) for crop in crops])
    kept = sharp >= SHARPNESS * np.median(sharp)
    numbers, crops = numbers[kept], crops[kept]
    silence = np.full((len(crops), WINDOW, N_MELS), SILENCE, np.float32)
    row0, row1, col0, col1 = rule.mouth_region()
    closed = sketcher.sketch(crops, crops, silence).image
    change = np.abs(closed - crops / np.float32(255))[:, row0:row1, col0:col1].mean((1, 2, 3))
    return int(numbers[change.argmin()])


def _of_usual_size(numbers: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    side = boxes[numbers, 2] - boxes[numbers, 0]
    usual = np.abs(side / np.median(side) - 1) <= SIZE_TOLERANCE
    return numbers[usual] if usual.any() else numbers


def _sharpness(crop: np.ndarray) -> float:
    import cv2

    return float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())
