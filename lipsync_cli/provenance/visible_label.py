"""A small visible label, burnt into a corner of the frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipsync_cli.errors import UsageError
from lipsync_cli.media.video.yuv_frame import mix

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

TEXT = "synthetic"
HEIGHT = 0.04  # of capital letters, in units of the frame's shorter side
LEAST = 11  # pixels that capital letters need to be read
WIDEST = 0.45  # of the frame
OPACITY = 0.55  # of the dark ground


@dataclass(frozen=True)
class Label:
    """White letters on a dark ground, in the corner farthest from the face.

    Attributes
    ----------
    text : printable ASCII, which is what OpenCV's letters hold
    corner : row and column of its upper left pixel
    ground, letters : shape (h, w, 1) float32, 0 ... 1
    """

    text: str
    corner: tuple[int, int]
    ground: np.ndarray
    letters: np.ndarray

    def draw(self, frame: Frame) -> Frame:
        """Return a copy of a frame (H, W, 3) uint8 with the label on it."""
        import numpy as np

        (top, left), (height, width) = self.corner, self.ground.shape[:2]
        weight = 1 - (1 - self.ground) * (1 - self.letters)  # above 0 everywhere
        part = (255 * self.letters / weight).repeat(3, 2)
        return mix(frame, slice(top, top + height), slice(left, left + width), part.astype(np.float32), weight[:, :, 0])


def check_text(text: str) -> str:
    """Return the text without outer blanks; UsageError if OpenCV cannot draw it or it is empty or too long."""
    text = text.strip()
    if not text or len(text) > 40 or not all(" " <= letter <= "~" for letter in text):
        raise UsageError(f"--label-text {text!r} cannot be drawn", hint="give 1 to 40 plain ASCII letters")
    return text


def make_label(text: str, width: int, height: int, boxes: np.ndarray) -> Label:
    """Make the label of a film.

    Parameters
    ----------
    text : what it says
    width, height : of the frames
    boxes : shape (N, 4), x0, y0, x1, y1 of the face in each frame, NaN where there is none; the label keeps away
    """
    import cv2
    import numpy as np

    text, font = check_text(text), cv2.FONT_HERSHEY_SIMPLEX
    capital = max(float(LEAST), HEIGHT * min(width, height))
    scale = capital / 21  # OpenCV's capital letters measure 21 pixels at scale 1
    (length, _), _ = cv2.getTextSize(text, font, scale, 1)
    scale *= min(1.0, WIDEST * width / length)
    stroke = max(1, round(2.2 * scale))
    (length, rise), fall = cv2.getTextSize(text, font, scale, stroke)
    pad = max(2, round(0.4 * rise))
    size = rise + fall + 2 * pad, length + 2 * pad
    size = min(size[0], height), min(size[1], width)
    letters = np.zeros(size, np.uint8)
    cv2.putText(letters, text, (pad, pad + rise), font, scale, 255, stroke, cv2.LINE_AA)
    ground = np.full((*size, 1), OPACITY, np.float32)
    return Label(text, _corner(size, width, height, boxes), ground, letters[..., None].astype(np.float32) / 255)


def _corner(size: tuple[int, int], width: int, height: int, boxes: np.ndarray) -> tuple[int, int]:
    """Return the corner whose label is farthest from the face in the frame where it comes closest."""
    import numpy as np

    margin = max(2, round(0.02 * min(width, height)))
    rows = (max(0, height - size[0] - margin), min(margin, height - size[0]))
    columns = (max(0, width - size[1] - margin), min(margin, width - size[1]))
    places = [(row, column) for row in rows for column in columns]
    seen = boxes[~np.isnan(boxes[:, 0])]
    if not len(seen):
        return places[0]

    def distance(place: tuple[int, int]) -> float:
        across = np.maximum(seen[:, 0] - (place[1] + size[1]), place[1] - seen[:, 2])
        down = np.maximum(seen[:, 1] - (place[0] + size[0]), place[0] - seen[:, 3])
        return float(np.maximum(across, down).min())

    return max(places, key=distance)
