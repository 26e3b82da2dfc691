"""A photo whose picture was changed in memory, as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class StillSource:
    """A `ScannedSource` of one picture.

    Parameters
    ----------
    picture : shape (H, W, 3) uint8 RGB
    """

    num_frames = 1
    matrix: str | None = None

    def __init__(self, picture: np.ndarray) -> None:
        self._picture = picture
        self.height, self.width = picture.shape[:2]
        self.frame_bytes = picture.nbytes

    def scan(self) -> Iterator[np.ndarray]:
        """Give the picture once."""
        yield self._picture

    def at_hand(self) -> list[int]:
        """Return the number of the picture."""
        return [0]

    def frame(self, number: int) -> np.ndarray:
        """Return the picture."""
        return self._picture

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Give the picture for every place of an order of frames."""
        for number in order:
            yield int(number), self._picture
