"""The inside of one person's mouth, open by more and more: the teeth and the tongue that one's own frames show.

Lips part before the jaw goes down, and teeth are seen between them that a wider mouth shows elsewhere. So the inside is
not one picture that is uncovered: it is taken from frames whose mouth is as far open as the one that is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class MouthTextures(NamedTuple):
    """What is between the lips at some openings.

    Attributes
    ----------
    gaps : shape (n,), ascending: distance of the inner lips in the middle, in widths of the mouth
    pictures : shape (n, h, w, 3) float32 in [0, 255]: rows from the upper lip to the lower one, columns from corner to
        corner
    """

    gaps: np.ndarray
    pictures: np.ndarray

    def look(self, gap: float, along: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Return what is seen at places between lips that are so far apart.

        A mouth that is less open than any of the pictures shows the middle of the first.

        Parameters
        ----------
        gap : in widths of the mouth
        along : shape (H, W), -1 ... 1 from corner to corner
        down : shape (H, W), 0 ... 1 from the upper to the lower lip

        Returns
        -------
        shape (H, W, 3) float32 in [0, 255]
        """
        import cv2

        place = float(np.interp(gap, self.gaps, np.arange(len(self.gaps))))
        before = min(int(place), len(self.gaps) - 1)
        after = min(before + 1, len(self.gaps) - 1)
        share = np.float32(place - before)
        picture = self.pictures[before] + share * (self.pictures[after] - self.pictures[before])
        shown = min(1.0, gap / float(self.gaps[0]))
        height, width = picture.shape[:2]
        x = ((along + 1) / 2 * width - 0.5).astype(np.float32)
        y = ((0.5 + shown * (down - 0.5)) * height - 0.5).astype(np.float32)
        seen: np.ndarray = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return seen
