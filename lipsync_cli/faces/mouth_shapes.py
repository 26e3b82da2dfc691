"""How the mouths of crops are shaped: how far open, how wide, how far apart the inner lips, from 68 landmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import ToolError
from lipsync_cli.faces.dlib_models import HINT
from lipsync_cli.faces.landmarks import find_landmarks, load_predictor

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule

SHAPES = ("opening", "width", "gap")
NUM_SHAPES = len(SHAPES)

_LOOKS = 1  # of the predictor at each crop, see `find_landmarks`: five halve the noise and take three times as long
_INNER = (61, 67), (62, 66), (63, 65)  # upper and lower inner lip, of iBUG's 68 points
_OUTER = (50, 58), (51, 57), (52, 56)
_CORNERS, _EYES = (48, 54), (36, 45)

Measure = Callable[["Sequence[np.ndarray] | np.ndarray", "CropRule"], "np.ndarray"]


def mouth_shapes(landmarks: np.ndarray) -> np.ndarray:
    """Measure mouths.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels, in iBUG's order

    Returns
    -------
    shape (n, 3), float32, in distances of the outer eye corners: the opening, which is the mean gap of the inner lips
    and half the height of the outer ones; the width between the corners of the mouth; the gap of the inner lips alone
    """
    import numpy as np

    def apart(pairs: tuple[tuple[int, int], ...]) -> Any:
        return np.mean([np.linalg.norm(landmarks[:, a] - landmarks[:, b], axis=1) for a, b in pairs], axis=0)

    gap = apart(_INNER)
    shapes = np.stack([gap + apart(_OUTER) / 2, apart((_CORNERS,)), gap], axis=1)
    return (shapes / apart((_EYES,))[:, None]).astype(np.float32)


def find_measure() -> Measure:
    """Return what measures the mouths of a clip: of JPEG bytes each, or crops (n, S, S, 3) uint8; NaN without a face.

    Raises
    ------
    ToolError : dlib's landmarks are not installed
    """
    predictor = load_predictor()
    if predictor is None:
        raise ToolError("mouths are measured by dlib's landmarks, which are not installed", hint=HINT)

    def measure(crops: Sequence[np.ndarray] | np.ndarray, rule: CropRule) -> np.ndarray:
        import cv2
        import numpy as np

        shapes = np.full((len(crops), NUM_SHAPES), np.nan, np.float32)
        for place, crop in enumerate(crops):
            if crop.ndim == 1:
                image = cv2.imdecode(crop, cv2.IMREAD_COLOR) if len(crop) else None
                crop = crop[:0] if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            if crop.any():
                shapes[place] = mouth_shapes(find_landmarks(predictor, crop[None], rule, _LOOKS))[0]
        return shapes

    return measure
