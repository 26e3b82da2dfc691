"""A part of a frame at another size, averaged over what each of its pixels covers, and only that part converted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lipsync_cli.media.video.yuv_frame import YuvFrame, to_brightness, to_rgb

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

_MUCH = 2.5  # pixels of the frame along a side of one of the window: from then on planes are sampled, then converted
_REST = 1.8  # the same that are left, at least, to be weighed by their place, when whole ones have been averaged
_APART = 1.4  # of these, at most, from one sample to the next


def window(frame: Frame, matrix: np.ndarray, size: int, fine: int = 1) -> np.ndarray:
    """Look at a part of a frame.

    Parameters
    ----------
    frame : shape (H, W, 3) uint8 RGB
    matrix : shape (2, 3), from pixel indices of the frame to those of the window, without a turn
    size : side of the window in pixels; what lies outside the frame repeats its border
    fine : samples along one side of a pixel of the window, which are averaged

    Returns
    -------
    shape (size, size, 3) uint8 RGB
    """
    import cv2

    if not isinstance(frame, YuvFrame) or max(matrix[0, 0], matrix[1, 1]) * _MUCH > 1:
        return _sample(frame, 1, matrix, size, fine)
    luma, *chroma = frame.planes_apart
    planes = [_sample(luma, 1, matrix, size, fine), *(_sample(plane, 2, matrix, size, fine) for plane in chroma)]
    return to_rgb(cv2.merge(planes), frame.matrix)


def grey_window(frame: Frame, matrix: np.ndarray, size: int, fine: int = 1) -> np.ndarray:
    """Look at the brightness of a part of a frame, shape (size, size) uint8, 0 ... 255; see `window`."""
    import cv2

    if isinstance(frame, YuvFrame):
        return to_brightness(_sample(frame.planes_apart[0], 1, matrix, size, fine))
    return _sample(frame, 1, matrix, size, fine, lambda part: cv2.cvtColor(part, cv2.COLOR_RGB2GRAY))


def shrunk(frame: Frame, width: int, height: int) -> np.ndarray:
    """Return a whole frame at a smaller size, shape (height, width, 3) uint8 RGB."""
    import cv2

    def shrink(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)

    if not isinstance(frame, YuvFrame):
        return shrink(frame)
    return to_rgb(cv2.merge([shrink(plane) for plane in frame.planes_apart]), frame.matrix)


def _sample(
    plane: Frame,
    step: int,
    matrix: np.ndarray,
    size: int,
    fine: int,
    convert: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the window of a frame, or of a plane of it whose pixels are `step` of the frame's wide.

    Where it shrinks much, whole pixels are averaged first, two by two, which takes a fraction of the time.
    """
    import cv2
    import numpy as np

    ratio = 1 / (step * max(matrix[0, 0], matrix[1, 1]))
    halvings = max(0, math.floor(math.log2(ratio / _REST)))
    whole = 1 << halvings
    fine = max(1, math.ceil(fine / (step * whole)))
    if halvings:
        fine = min(fine, math.ceil(ratio / whole / _APART))
    parts, short, scales, offsets = [], [], [], []
    for length, scale, offset in zip(
        plane.shape[1::-1], matrix.diagonal().tolist(), matrix[:, 2].tolist(), strict=True
    ):
        offset, scale = offset + scale * (step - 1) / 2, scale * step
        start = min(max(math.floor((-0.5 - offset) / scale) - whole, 0), length - 1) // whole * whole
        stop = min(max(math.ceil((size - 0.5 - offset) / scale) + whole + 1, start + 1), length)
        parts.append(slice(start, stop))  # OpenCV's coordinates end at 32767
        short.append((start - stop) % whole)
        scales.append(scale * whole * fine)
        offsets.append((offset + scale * (start + (whole - 1) / 2)) * fine + (fine - 1) / 2)
    part = plane[parts[1], parts[0]]
    if convert is not None:
        part = convert(part)
    if whole > 1:
        part = cv2.copyMakeBorder(part, 0, short[1], 0, short[0], cv2.BORDER_REPLICATE) if any(short) else part
        for _ in range(halvings):
            part = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
    samples = cv2.warpAffine(
        part,
        np.array([[scales[0], 0, offsets[0]], [0, scales[1], offsets[1]]]),
        (size * fine, size * fine),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return samples if fine == 1 else cv2.resize(samples, (size, size), interpolation=cv2.INTER_AREA)
