"""The crop rule: which square of the frame a network sees, as data that travels with stores and weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lipsync_cli.errors import InputError
from lipsync_cli.media.video.resampling import grey_window, window
from lipsync_cli.runtime.json_values import make_dataclass

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

Region: TypeAlias = tuple[int, int, int, int]  # first row, last row + 1, first column, last column + 1
GAUSSIAN, KALMAN = SMOOTHINGS = "gaussian", "kalman"  # of boxes over time
MOST_SIZE = 2048  # pixels of a crop's side
_MOST_SIDES = 20  # of a box, that a crop reaches
_GEOMETRY = ("detector", "size", "scale", "shift_y", "mouth")  # what must agree between stores and weights


@dataclass(frozen=True)
class CropRule:
    """How faces are found and cropped.

    A detector's box ends at the chin or above it, so the crop is the box's square enlarged and moved down. Between the
    crops of two rules with different geometry a network cannot be shared; `check_same` says so.

    Parameters
    ----------
    detector : "hog" or "mmod"
    keyframe_interval : frames from one detection to the next; between them the face is tracked. 1: every frame
    smoothing_frames : standard deviation of the centred Gaussian that smooths the boxes' centres, in frames;
        their sizes are smoothed twice as long
    max_gap : longest run of frames without a face, in frames, that is filled in by interpolation
    scale : side of the crop in sides of the box
    shift_y : how far the crop's centre lies below the box's centre, in sides of the box
    size : side of the crop in pixels
    mouth : x0, y0, x1, y1 of the mouth region in sides of the box, from the box's upper left corner
    smoothing : "gaussian", or "kalman": a Kalman filter forth and back in place of the Gaussian
    """

    detector: str = "hog"
    keyframe_interval: int = 3
    smoothing_frames: float = 6.0
    max_gap: int = 12
    scale: float = 1.25
    shift_y: float = 0.08
    size: int = 96
    mouth: tuple[float, float, float, float] = (0.25, 0.583, 0.75, 0.917)
    smoothing: str = GAUSSIAN

    def __post_init__(self) -> None:
        """Refuse values that no crop can have."""
        allowed = {
            "keyframe_interval": 1 <= self.keyframe_interval <= 10_000,
            "smoothing_frames": 0 <= self.smoothing_frames <= 10_000,
            "max_gap": self.max_gap >= 0,
            "scale": 0.01 <= self.scale <= _MOST_SIDES,
            "shift_y": abs(self.shift_y) <= _MOST_SIDES,
            "size": 1 <= self.size <= MOST_SIZE,
            "smoothing": self.smoothing in SMOOTHINGS,
            "mouth": len(self.mouth) == 4 and self.mouth[0] < self.mouth[2] and self.mouth[1] < self.mouth[3],
        }
        for name, is_allowed in allowed.items():
            if not is_allowed:
                raise InputError(f"the crop rule has {name} {getattr(self, name)}, which no crop can have")
        row0, row1, column0, column1 = self.mouth_region()
        if row0 >= row1 or column0 >= column1:
            raise InputError(f"the crop rule's mouth {self.mouth} lies outside of its crop")

    def to_dict(self) -> dict[str, Any]:
        """Give the rule as a JSON-able dictionary; the usual smoothing is not named."""
        values = asdict(self) | {"mouth": list(self.mouth)}
        if self.smoothing == GAUSSIAN:  # as before there was a choice
            del values["smoothing"]
        return values

    @classmethod
    def from_dict(cls, values: Any) -> CropRule:
        """Make a rule from what `to_dict` gave.

        Raises
        ------
        InputError : a name is unknown, or a value is of the wrong kind or one that no crop can have
        """
        return make_dataclass(cls, values, "the crop rule")

    def square(self, box: np.ndarray) -> tuple[float, float, float]:
        """Return x0, y0 and side of the crop of a face box x0, y0, x1, y1, in pixels of the frame.

        A pixel covers the area from its index to its index plus one.
        """
        x0, y0, x1, y1 = (float(value) for value in box)
        box_side = ((x1 - x0) + (y1 - y0)) / 2
        side = box_side * self.scale
        return (x0 + x1) / 2 - side / 2, (y0 + y1) / 2 + self.shift_y * box_side - side / 2, side

    def matrix(self, box: np.ndarray, size: int | None = None) -> np.ndarray:
        """Return the affine map from pixel indices of the frame to pixel indices of the crop.

        Parameters
        ----------
        box : x0, y0, x1, y1 in pixels of the frame
        size : side of the crop in pixels, if not the rule's

        Returns
        -------
        shape (2, 3) float64; (x, y) pixel centres at whole numbers, as OpenCV has it
        """
        import numpy as np

        x0, y0, side = self.square(box)
        factor = (size or self.size) / side
        offset = [(0.5 - start) * factor - 0.5 for start in (x0, y0)]
        return np.array([[factor, 0, offset[0]], [0, factor, offset[1]]])

    def box_in_crop(self, size: int | None = None) -> np.ndarray:
        """Return x0, y0, x1, y1 of the face box in its own crop, in pixels: shape (4,)."""
        import numpy as np

        size = size or self.size
        half, x, y = size / self.scale / 2, size / 2, size * (0.5 - self.shift_y / self.scale)
        return np.array([x - half, y - half, x + half, y + half])

    def mouth_region(self, size: int | None = None) -> Region:
        """Return row0, row1, col0, col1 of the mouth region in the crop, as for slices."""
        size = size or self.size
        x0, y0, x1, y1 = self.mouth
        columns = [round(((x - 0.5) / self.scale + 0.5) * size) for x in (x0, x1)]
        rows = [round(((y - 0.5 - self.shift_y) / self.scale + 0.5) * size) for y in (y0, y1)]
        row0, row1, col0, col1 = (min(max(value, 0), size) for value in (*rows, *columns))
        return row0, row1, col0, col1


def crop_face(frame: Frame, box: np.ndarray, rule: CropRule, size: int | None = None) -> np.ndarray:
    """Cut the face out of a frame: sub-pixel, averaged over each pixel's area when it shrinks.

    Parameters
    ----------
    frame : shape (H, W, 3) uint8
    box : x0, y0, x1, y1 in pixels of the frame; what lies outside the frame repeats its border
    size : side of the crop in pixels, if not the rule's

    Returns
    -------
    shape (size, size, 3) uint8, channels in the frame's order
    """
    import math

    size = size or rule.size
    fine = max(1, math.ceil(rule.square(box)[2] / size - 1e-6))
    return window(frame, rule.matrix(box, size), size, fine)


def crop_brightness(frame: Frame, matrix: np.ndarray, rule: CropRule) -> np.ndarray:
    """Cut the face out of a frame as `crop_face` does, but only its brightness.

    Parameters
    ----------
    frame : shape (H, W, 3) uint8
    matrix : shape (2, 3), from pixel indices of the frame to those of the crop

    Returns
    -------
    shape (size, size) uint8
    """
    import math

    return grey_window(frame, matrix, rule.size, max(1, math.ceil(1 / matrix[0, 0] - 1e-6)))


def check_same(given: CropRule, expected: CropRule) -> None:
    """Check that two rules crop alike.

    Raises
    ------
    InputError : names the first field that differs, and both values
    """
    for name in _GEOMETRY:
        one, other = getattr(given, name), getattr(expected, name)
        if one != other:
            raise InputError(
                f"the crop rules differ in {name}: {one} and {other}", hint="run detect-faces and pack anew"
            )
