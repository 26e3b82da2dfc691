"""The image pyramid of dlib's scanner, computed only where a face is expected.

dlib doubles the frame, shrinks it by 5/6 again and again, and at each level compares cells of 8 x 8 pixels with one
template (`pyramid_down<6>` and `scan_fhog_pyramid` of dlib 19). Boxes therefore come in steps: of 20 % in size and of
11 % of the side in place. A window that begins on the same cells of the same level gives the same box as the whole
frame, at a hundredth of the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.media.video.resampling import window

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lipsync_cli.media.video.yuv_frame import Frame

CELL = 8  # pixels of a level along a side of a cell
TEMPLATE = 73  # side of a found box, in pixels of its level
RATIO = 6 / 5  # from one level to the next

_UPSAMPLE_SHIFT = (1.25, 0.75)  # dlib's rect_down after doubling, in pixels of the frame
_LEVEL_SHIFT = 0.3  # dlib's rect_up from one level to the next finer one, in pixels of the finer one


class Pyramid:
    """The levels of one size of frame, level 0 being the doubled frame.

    Parameters
    ----------
    width, height : of the frame, in pixels
    """

    def __init__(self, width: int, height: int) -> None:
        self.frame_size = (width, height)
        self._frame = np.array([width, height])
        self._sizes = [np.array([2 * width + 2, 2 * height + 1])]
        while self._sizes[-1].min() * 5 // 6 >= TEMPLATE:
            self._sizes.append(self._sizes[-1] * 5 // 6)

    @property
    def num_levels(self) -> int:
        """Number of levels that hold at least one template."""
        return len(self._sizes)

    def level_of(self, side: float) -> int:
        """Return the level that finds boxes of about this side, in pixels of the frame."""
        level = round(float(np.log(max(side, 1.0) * 2 / TEMPLATE) / np.log(RATIO)))
        return min(max(level, 0), self.num_levels - 1)

    def window(self, frame: Frame, level: int, centre: ArrayLike, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """Cut a window out of a level, beginning with a cell.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8
        level : of the pyramid
        centre : x, y of the expected box's centre, in pixels of the frame
        reach : pixels of the level around the expected box

        Returns
        -------
        image : shape (n, n, 3) uint8
        corner : x, y of its first pixel in the level
        """
        size = TEMPLATE + 2 * reach
        factor = (self._sizes[level] - 1) / (self._frame - 1)  # dlib aligns the centres of the corner pixels
        corner = np.round((np.asarray(centre) * factor - size / 2) / CELL).astype(int) * CELL
        matrix = np.array([[factor[0], 0, -corner[0]], [0, factor[1], -corner[1]]])
        return window(frame, matrix, size, max(1, int(np.ceil(0.6 / factor.min())))), corner  # so fine: no aliasing

    def to_frame(self, rectangle: ArrayLike, level: int) -> np.ndarray:
        """Map a rectangle of a level to the frame as dlib does.

        Parameters
        ----------
        rectangle : left, top, right, bottom in pixels of the level, the last two included

        Returns
        -------
        shape (4,) float32, x0, y0, x1, y1 in pixels of the frame
        """
        scale = RATIO**level
        shift = _LEVEL_SHIFT * (scale - 1) / (RATIO - 1)
        corners = (np.asarray(rectangle, np.float64) * scale + shift) / 2 - np.tile(_UPSAMPLE_SHIFT, 2)
        return (np.floor(corners + 0.5) + np.array([0, 0, 1, 1])).astype(np.float32)
