"""The inside of one person's mouth, open by more and more: the teeth and the tongue that one's own frames show.

Lips part before the jaw goes down, and teeth are seen between them that a wider mouth shows elsewhere. So the inside is
not one picture that is uncovered: it is taken from frames whose mouth is as far open as the one that is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STRETCH = 1.15  # of the widest opening that is known: so far its picture is stretched
SPLIT_FROM, MIDDLE = (
    0.3,
    (1 / 3, 2 / 3),
)  # of a picture's height and width: there the dark between the teeth is looked for
DARKER = 0.75  # of a picture's brightness: what is less is that dark
SOFT = 0.1  # of a picture's height: edges of that dark


class MouthTextures(NamedTuple):
    """What is between the lips at some openings.

    Attributes
    ----------
    gaps : shape (n,), ascending: distance of the inner lips in the middle, in widths of the mouth
    pictures : shape (n, h, w, 3) float32 in [0, 255]: rows from the upper lip to the lower one, columns from corner to
        corner
    dark : shape (3,), colour of what is between the teeth of a mouth that is open further than any of these
    """

    gaps: np.ndarray
    pictures: np.ndarray
    dark: np.ndarray

    def look(self, gap: float, along: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Return what is seen at places between lips that are so far apart.

        A mouth that is less open than any of the pictures shows the middle of the first; of one that is open further
        the last goes apart, at its darkest row.

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

        number = float(np.interp(gap, self.gaps, np.arange(len(self.gaps))))
        before, after = int(number), min(int(number) + 1, len(self.gaps) - 1)
        share = np.float32(number - before)
        picture = self.pictures[before] + share * (self.pictures[after] - self.pictures[before])
        shown = min(1.0, gap / float(self.gaps[0]))
        room = max(1.0, gap / float(self.gaps[-1]) / STRETCH)
        height, width = picture.shape[:2]
        place = (0.5 + shown * (down - 0.5)) * room
        split = self._split(picture) if room > 1 else 1.0
        from_lower = place - (room - 1)
        x = ((along + 1) / 2 * width - 0.5).astype(np.float32)
        y = np.clip(place, from_lower, np.maximum(split, from_lower)) * height - 0.5
        seen: np.ndarray = cv2.remap(
            picture, x, y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if room > 1:
            apart = np.clip(np.minimum(place - split, split - from_lower) / SOFT + 0.5, 0, 1).astype(np.float32)
            seen += apart[..., None] * (self.dark.astype(np.float32) - seen)
        return seen

    @staticmethod
    def _split(picture: np.ndarray) -> float:
        """Return how far down the dark between the teeth is, 0 ... 1: the lower end where none is seen."""
        height, width = picture.shape[:2]
        first, columns = int(SPLIT_FROM * height), slice(*(int(share * width) for share in MIDDLE))
        rows = picture[:, columns].mean((1, 2))
        darkest = first + int(rows[first:].argmin())
        is_dark = rows[darkest] < DARKER * rows.mean() and darkest < height - 1
        return (darkest + 0.5) / height if is_dark else 1.0
