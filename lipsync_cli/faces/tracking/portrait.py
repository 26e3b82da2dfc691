"""How a face looked where it was seen best: small enough to be kept for every face of a long film."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

SIDE = 200  # pixels: longest side of what is kept
_MARGIN = 0.4  # of the box's side, around it: the points of a face may lie outside its box
_BETTER = 0.3  # by how much a score must be higher for a new portrait
_QUALITY = 95


class Portrait(NamedTuple):
    """A face and its surroundings as a JPEG, the box x0, y0, x1, y1 in its pixels, and the detector's score."""

    jpeg: np.ndarray
    box: np.ndarray
    score: float

    @classmethod
    def take(cls, frame: Frame, box: np.ndarray, score: float) -> Portrait:
        """Keep the face in `box` of a frame (H, W, 3) uint8 RGB."""
        import cv2

        box = np.asarray(box, np.float64)
        side = float(box[2] - box[0] + box[3] - box[1]) / 2
        size = frame.shape[1], frame.shape[0]
        start = np.clip(np.floor(box[:2] - _MARGIN * side), 0, np.array(size) - 1).astype(int)
        stop = np.clip(np.ceil(box[2:] + _MARGIN * side), start + 1, size).astype(int)
        image = frame[start[1] : stop[1], start[0] : stop[0]]
        factor = min(1.0, SIDE / max(image.shape[:2]))
        if factor < 1:
            image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        return cls(jpeg, (box - np.tile(start, 2)) * factor, score)

    def is_worse(self, score: float) -> bool:
        """Tell whether a sighting of this score deserves a new portrait."""
        return score > self.score + _BETTER

    def image(self) -> np.ndarray:
        """Return the picture, shape (h, w, 3) uint8 RGB."""
        import cv2

        return cv2.cvtColor(np.asarray(cv2.imdecode(self.jpeg, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
