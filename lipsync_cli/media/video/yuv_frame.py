"""A frame as video files hold it, brightness at full size and colour at half, that reads like an array of RGB.

Nearly all films are coded that way (4:2:0). Kept so, a frame takes half the memory, only the parts that are looked at
are converted, and what is not changed comes out with the very values that the decoder gave.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

# The shares of red and blue in the brightness, by FFmpeg's name of the matrix (ITU-T H.273, table 4).
SHARES = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}


class YuvFrame:
    """A frame in 4:2:0, limited range. Indexed by rows and columns it gives RGB, as would an array (H, W, 3) uint8.

    Parameters
    ----------
    planes : shape (3 H / 2, W) uint8: Y, then the rows of U and of V, two of them in each row; H and W are even
    matrix : FFmpeg's name, one of `SHARES`
    """

    __slots__ = ("_chroma", "_luma", "matrix", "planes", "shape")

    def __init__(self, planes: np.ndarray, matrix: str) -> None:
        rows, width = planes.shape
        height = rows * 2 // 3
        self.planes, self.matrix, self.shape = planes, matrix, (height, width, 3)
        self._luma, self._chroma = planes[:height], planes[height:].reshape(2, height // 2, width // 2)

    @property
    def planes_apart(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Y of shape (H, W), U and V of shape (H / 2, W / 2)."""
        return self._luma, self._chroma[0], self._chroma[1]

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        """Return some rows and columns, shape (h, w, 3) uint8 RGB, each colour repeated over its 2 x 2 pixels."""
        import cv2
        import numpy as np

        rows, columns = (range(*cut.indices(length)) for cut, length in zip(part, self.shape[:2], strict=True))
        luma = self._luma[part]
        if rows.step == columns.step == 1:
            over = slice(rows.start // 2, (rows.stop + 1) // 2), slice(columns.start // 2, (columns.stop + 1) // 2)
            top, left = rows.start % 2, columns.start % 2
            inside = slice(top, top + len(rows)), slice(left, left + len(columns))
            chroma = [_double(plane[over])[inside] for plane in self._chroma] if luma.size else []
        else:
            places = np.ix_(np.array(rows) // 2, np.array(columns) // 2)
            chroma = [plane[places] for plane in self._chroma]
        if not luma.size:
            return np.empty((*luma.shape, 3), np.uint8)
        return to_rgb(cv2.merge([luma, *chroma]), self.matrix)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole frame, shape (H, W, 3) uint8 RGB."""
        pixels = self[:, :]
        return pixels if dtype is None else pixels.astype(dtype)

    def grey(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the brightness of some rows and columns, shape (h, w) uint8, 0 ... 255."""
        return to_brightness(self._luma[rows, columns])


Frame: TypeAlias = "np.ndarray | YuvFrame"


class Layer(NamedTuple):
    """What of a frame is kept at one size, or what is mixed into it.

    Attributes
    ----------
    step : pixels of the frame along a side of one of these
    parts : arrays of one height and width: RGB (h, w, 3), or Y (h, w), or U and V (h, w)
    """

    step: int
    parts: list[np.ndarray]


def layers(frame: Frame) -> list[Layer]:
    """Return what a frame is kept as, the first layer at full size."""
    if not isinstance(frame, YuvFrame):
        return [Layer(1, [frame])]
    luma, *chroma = frame.planes_apart
    return [Layer(1, [luma]), Layer(2, chroma)]


def as_layers(pixels: np.ndarray, frame: Frame) -> list[Layer]:
    """Convert some pixels (h, w, 3) float32 RGB, 0 ... 255, to what a frame is kept as, every layer of size (h, w)."""
    import cv2

    if not isinstance(frame, YuvFrame):
        return [Layer(1, [pixels])]
    luma, *chroma = cv2.split(cv2.transform(pixels, _from_rgb(frame.matrix)))
    return [Layer(1, [luma]), Layer(2, list(chroma))]


def kept_as(pixels: np.ndarray, frame: Frame) -> list[Layer]:
    """Convert some pixels (h, w, 3) uint8 RGB to the layers of a frame of this size, as another one is kept."""
    import numpy as np

    made = as_layers(pixels.astype(np.float32), frame)
    return [Layer(step, [part if step == 1 else halve(part) for part in parts]) for step, parts in made]


def cut_out(frame: Frame, left: int, top: int, right: int, bottom: int) -> tuple[Frame, int, int]:
    """Return a copy of a part of a frame, a little more than asked for where need be, and where it begins: x, y."""
    import numpy as np

    left, top = max(0, left), max(0, top)
    if not isinstance(frame, YuvFrame):
        return frame[top:bottom, left:right].copy(), left, top
    left, top, right, bottom = (value // 2 for value in (left, top, right + 1, bottom + 1))
    luma, *chroma = frame.planes_apart
    own = luma[2 * top : 2 * bottom, 2 * left : 2 * right]
    planes = [own.ravel(), *(plane[top:bottom, left:right].ravel() for plane in chroma)]
    return YuvFrame(np.concatenate(planes).reshape(-1, own.shape[1]), frame.matrix), 2 * left, 2 * top


def blend(frame: Frame, rows: slice, columns: slice, drawn: list[Layer], weights: list[np.ndarray]) -> Frame:
    """Return a frame in which something is mixed in; where the weight is zero it is the given one, to the bit.

    Parameters
    ----------
    frame : shape (H, W, 3), uint8 RGB or a `YuvFrame`; it stays as it is
    rows, columns : where, with start and stop: whole pixels of each layer
    drawn : float32, the layers of what is mixed in
    weights : shape (h, w) float32, how much of it, for each layer
    """
    import numpy as np

    mixed = YuvFrame(frame.planes.copy(), frame.matrix) if isinstance(frame, YuvFrame) else frame.copy()
    for (step, parts), layer, weight in zip(layers(mixed), drawn, weights, strict=True):
        place = slice(rows.start // step, rows.stop // step), slice(columns.start // step, columns.stop // step)
        for whole, part in zip(parts, layer.parts, strict=True):
            old = whole[place].astype(np.float32)
            whole[place] = _to_bytes(old + (weight if old.ndim == 2 else weight[:, :, None]) * (part - old))
    return mixed


def mix(frame: Frame, rows: slice, columns: slice, part: np.ndarray, weight: np.ndarray) -> Frame:
    """Return a frame in which pixels (h, w, 3) float32 RGB, 0 ... 255, are mixed in anywhere; see `blend`."""
    import cv2
    import numpy as np

    if not isinstance(frame, YuvFrame):
        return blend(frame, rows, columns, as_layers(part, frame), [weight])
    odd = (rows.start % 2, rows.stop % 2, columns.start % 2, columns.stop % 2)
    if any(odd):
        part = cv2.copyMakeBorder(part, *odd, cv2.BORDER_REPLICATE)
        weight = cv2.copyMakeBorder(weight, *odd, cv2.BORDER_CONSTANT, value=0)
        rows, columns = (
            slice(rows.start - odd[0], rows.stop + odd[1]),
            slice(columns.start - odd[2], columns.stop + odd[3]),
        )
    luma, (step, chroma) = as_layers(part, frame)
    coarse = halve(weight)
    spread = [halve(weight * colour) / np.maximum(coarse, np.float32(1e-6)) for colour in chroma]
    return blend(frame, rows, columns, [luma, Layer(step, spread)], [weight, coarse])


def replace_pixels(frame: Frame, pixels: np.ndarray) -> Frame:
    """Return a frame like another with these pixels (H, W, 3) uint8 RGB."""
    import numpy as np

    height, width = frame.shape[:2]
    drawn = kept_as(pixels, frame)
    weights = [np.ones((height // layer.step, width // layer.step), np.float32) for layer in drawn]
    return blend(frame, slice(0, height), slice(0, width), drawn, weights)


def halve(values: np.ndarray) -> np.ndarray:
    """Return the means (h / 2, w / 2) of 2 x 2 values (h, w) float32."""
    import cv2

    return cv2.resize(values, (values.shape[1] // 2, values.shape[0] // 2), interpolation=cv2.INTER_AREA)


def grey(frame: Frame, rows: slice, columns: slice) -> np.ndarray:
    """Return the brightness of some rows and columns of a frame, shape (h, w) uint8."""
    import cv2
    import numpy as np

    if isinstance(frame, YuvFrame):
        return frame.grey(rows, columns)
    return cv2.cvtColor(np.ascontiguousarray(frame[rows, columns]), cv2.COLOR_RGB2GRAY)


def to_rgb(pixels: np.ndarray, matrix: str) -> np.ndarray:
    """Convert Y, U, V of some pixels (h, w, 3) uint8, limited range, to RGB."""
    import cv2

    return cv2.transform(pixels, _to_rgb(matrix))


def to_brightness(luma: np.ndarray) -> np.ndarray:
    """Return what brightness, 0 ... 255, values (h, w) uint8 of Y stand for."""
    import cv2

    return cv2.LUT(luma, _brightness())


def _double(plane: np.ndarray) -> np.ndarray:
    """Repeat every value over 2 x 2 pixels."""
    import cv2

    return cv2.resize(plane, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Round float32 values to uint8."""
    import cv2

    return cv2.add(values, 0.0, dtype=cv2.CV_8U)  # type: ignore[call-overload, no-any-return]


@lru_cache
def _from_rgb(matrix: str) -> np.ndarray:
    """Return the affine map (3, 4) from R'G'B' to Y'CbCr, both 0 ... 255, limited range (ITU-T H.273, eq. 38-40)."""
    import numpy as np

    red, blue = SHARES[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    rows = [luma * 219, (np.array([0, 0, 1]) - luma) / (1 - blue) * 112, (np.array([1, 0, 0]) - luma) / (1 - red) * 112]
    return np.column_stack([np.array(rows) / 255, [16, 128, 128]]).astype(np.float32)


@lru_cache
def _to_rgb(matrix: str) -> np.ndarray:
    """Return the affine map (3, 4) that undoes `_from_rgb`."""
    import numpy as np

    forth = _from_rgb(matrix).astype(np.float64)
    back = np.linalg.inv(forth[:, :3])
    return np.column_stack([back, -back @ forth[:, 3]]).astype(np.float32)


@lru_cache
def _brightness() -> np.ndarray:
    """Return what brightness, 0 ... 255, each value of Y stands for."""
    import numpy as np

    return np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
