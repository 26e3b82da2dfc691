"""The colours that the inside of a mouth can have, told from the skin around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

# Inside of real mouths (GRID's six speakers, three other films, a quarter of a million pixels), in units of the skin's
# own distance from grey in the plane of Cb and Cr: along the skin's hue most lie at 0.45 to 0.9 (lips at 0.9, painted
# ones at 2, white teeth under studio light at 0.3), across it between -0.4 (red; painted lips -1) and 0.25 (yellow).
LEAST_ALONG, MOST_ALONG = 0.4, 3.0
LEAST_ACROSS, MOST_ACROSS = -1.5, 0.2
FADE = 0.15  # of the mouth region's sides: over so much of it the correction sets in
DARK = 0.2  # of white: below it there is less colour

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)  # ITU-R BT.601
_TO_RGB = np.array([[0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]], np.float32)


def skin_chroma(crop: np.ndarray, rule: CropRule) -> np.ndarray:
    """Return Cb and Cr of the cheeks of a crop (S, S, 3) uint8 RGB: shape (2,), grey is 0, in [-0.5, 0.5].

    It is the median of two patches beside the mouth.
    """
    row0, row1, column0, column1 = rule.mouth_region()
    beside = (row1 - row0) // 4
    left, right = max(0, column0 - beside), min(rule.size, column1 + beside)
    cheeks = [crop[row0:row1:2, left:column0], crop[row0:row1:2, column1:right]]
    pixels = np.concatenate([cheek.reshape(-1, 3) for cheek in cheeks]).astype(np.float32) / 255
    return np.median(pixels @ _TO_CHROMA.T, axis=0).astype(np.float32)


class ColourLimits:
    """Brings painted mouths into the colours of real ones; what is in them already stays as it is.

    Parameters
    ----------
    rule : of the crops
    """

    def __init__(self, rule: CropRule) -> None:
        row0, row1, column0, column1 = rule.mouth_region()
        self._region = slice(row0, row1), slice(column0, column1)
        rows, columns = (_fade(length) for length in (row1 - row0, column1 - column0))
        self._weight = (rows[:, None] * columns)[:, :, None]
        self._size = rule.size

    def keep(self, patch: np.ndarray, skin: np.ndarray) -> np.ndarray:
        """Return a patch (H, S, 3) float32, RGB in [0, 1], of the crop's last H rows, in the colours that fit.

        The luma stays; Cb and Cr move to the nearest that a mouth in such a skin can have.

        Parameters
        ----------
        skin : from `skin_chroma`
        """
        rows, columns = self._region
        above = self._size - len(patch)
        part = patch[max(0, rows.start - above) : rows.stop - above, columns]
        weight = self._weight[len(self._weight) - len(part) :]
        distance = float(np.hypot(*skin)) or 1e-6
        along = skin / distance
        axes = np.stack([along, np.array([-along[1], along[0]], np.float32)])
        places = part @ (_TO_CHROMA.T @ axes.T)
        light = np.clip(part @ _LUMA / DARK, 0, 1)[:, :, None]  # black has no colour
        least = light * np.array([LEAST_ALONG * distance, 0], np.float32) + np.array(
            [0, LEAST_ACROSS * distance], np.float32
        )
        most = np.array([MOST_ALONG, MOST_ACROSS], np.float32) * distance
        missing = np.clip(places, least, most) - places
        kept = patch.copy()
        kept[max(0, rows.start - above) : rows.stop - above, columns] += weight * (missing @ (axes @ _TO_RGB))
        return kept


def _fade(length: int) -> np.ndarray:
    """Return weights (length,) float32 that rise from 0 to 1, stay there, and fall."""
    place = (np.arange(length, dtype=np.float32) + 0.5) / length
    rise = np.clip(np.minimum(place, 1 - place) / FADE, 0, 1)
    return rise * rise * (3 - 2 * rise)
