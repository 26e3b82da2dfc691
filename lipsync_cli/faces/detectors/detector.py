"""What a face detector is, whatever finds the faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame


class Detector(Protocol):
    """Finds faces in one frame."""

    name: str

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB
        small : look for small faces, too, which takes four times as long

        Returns
        -------
        boxes : shape (K, 4) float32, x0, y0, x1, y1 in pixels of the frame
        scores : shape (K,) float32, highest first
        """
        ...

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find again the face that should be at `box` (x0, y0, x1, y1) or close by, of about its size.

        Much cheaper than `detect`, and content with a somewhat lower score.

        Returns
        -------
        boxes, scores : as of `detect`, but of one face at most
        """
        ...
