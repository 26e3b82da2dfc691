"""Which frame lends its pixels: one in a usual pose whose mouth is at rest, as the generator itself sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.speech.mel import N_MELS, SILENCE, WINDOW
from lipsync_cli.synthesis.align import Aligner, to_grey

if TYPE_CHECKING:
    from lipsync_cli.synthesis.footage import Footage
    from lipsync_cli.synthesis.sketch import Sketcher

NUM_CANDIDATES = 20
FITTING = 0.3  # of the contrast of the upper face: what fits so well is in a usual pose
MISFIT = 0.5  # of the contrast of the upper face; steady heads have 0.2 to 0.3, turning ones 0.8 and more
NUM_POSES = 8  # other frames that a candidate is compared with
SIZE_TOLERANCE = 0.15  # how far a candidate's box may be from the median size
SHARPNESS = 0.5  # of the median sharpness: what is below is blurred


def choose_neutral(
    footage: Footage, boxes: np.ndarray, rule: CropRule, sketcher: Sketcher, num_candidates: int = NUM_CANDIDATES
) -> int:
    """Return the number of the frame whose mouth is most at rest.

    The candidates are sharp, of the usual size, and their upper faces fit onto those of the others: well, or better
    than half of them do. Each is given to the generator as reference and target at once, with silence as its speech:
    the frame in which the generator changes the mouth least is the one at rest. Where the generator fails to close a
    mouth it changes little, too; so a mouth also counts as at rest for having little detail, neither teeth nor a gap.

    Parameters
    ----------
    footage : scanned; the candidates are among the frames that it has at hand
    boxes : shape (N, 4), NaN where there is no face; at least one frame at hand has a face
    """
    numbers = np.array([n for n in footage.at_hand() if not np.isnan(boxes[n, 0])])
    numbers = spread(_of_usual_size(numbers, boxes), num_candidates)
    crops = np.stack([crop_face(footage.frame(n), boxes[n], rule) for n in numbers])
    kept = _sharp(crops)
    numbers, crops = numbers[kept], crops[kept]
    kept = _of_usual_pose(crops, rule)
    numbers, crops = numbers[kept], crops[kept]
    silence = np.full((len(crops), WINDOW, N_MELS), SILENCE, np.float32)
    row0, row1, col0, col1 = rule.mouth_region()
    closed = sketcher.sketch(crops, crops, silence, articulation=1.0).image
    assert closed is not None
    change = np.abs(closed - crops / np.float32(255))[:, row0:row1, col0:col1].mean((1, 2, 3))
    detail = _detail(crops[:, row0:row1, col0:col1])
    return int(numbers[(change / (np.median(change) + 1e-6) + detail / np.median(detail)).argmin()])


def fits_poses(footage: Footage, boxes: np.ndarray, rule: CropRule, number: int) -> bool:
    """Tell whether the face of one frame can be brought into the poses of most others.

    It cannot where the head turns: there a moved face no longer lies on the one below it.

    Parameters
    ----------
    number : of the frame, one that the footage has at hand
    """
    numbers = np.array([n for n in footage.at_hand() if not np.isnan(boxes[n, 0]) and n != number])
    if not len(numbers):
        return True
    aligner, face = Aligner(rule), to_grey(crop_face(footage.frame(number), boxes[number], rule))
    others = [to_grey(crop_face(footage.frame(n), boxes[n], rule)) for n in spread(numbers, 2 * NUM_POSES)]
    misfit = np.median([aligner.misfit(other, face) for other in others])
    return bool(misfit <= MISFIT * aligner.contrast(face))


def spread(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of the numbers, evenly spread."""
    return numbers[np.unique(np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int))]


def _of_usual_size(numbers: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    side = boxes[numbers, 2] - boxes[numbers, 0]
    usual = np.abs(side / np.median(side) - 1) <= SIZE_TOLERANCE
    return numbers[usual] if usual.any() else numbers


def _sharp(crops: np.ndarray) -> np.ndarray:
    """Tell which crops (n, S, S, 3) are not blurred, shape (n,) bool."""
    import cv2

    sharpness = np.array([cv2.Laplacian(to_grey(crop), cv2.CV_32F).var() for crop in crops])
    return sharpness >= SHARPNESS * np.median(sharpness)


def _detail(mouths: np.ndarray) -> np.ndarray:
    """Return how much fine structure pictures (n, h, w, 3) have, shape (n,): mean magnitude of the Laplacian."""
    import cv2

    return np.array([np.abs(cv2.Laplacian(to_grey(mouth), cv2.CV_32F)).mean() for mouth in mouths]) + 1e-6


def _of_usual_pose(crops: np.ndarray, rule: CropRule) -> np.ndarray:
    """Tell which crops (n, S, S, 3) can be brought into the others' poses well, the better half at least; (n,) bool."""
    aligner, greys = Aligner(rule), [to_grey(crop) for crop in crops]
    others = spread(np.arange(len(greys)), NUM_POSES)
    typical = np.zeros(len(greys))
    for one, grey in enumerate(greys):
        misfits = [aligner.misfit(greys[other], grey) for other in others if other != one]
        typical[one] = np.median(misfits) if misfits else 0.0
    contrast = np.median([aligner.contrast(grey) for grey in greys])
    return typical <= max(float(np.median(typical)), FITTING * float(contrast))
