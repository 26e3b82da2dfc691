"""From what the network drew to pixels of the frame: the source's own, moved, and mixed in without a border."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.media.frame import mix

if TYPE_CHECKING:
    from lipsync_cli.media.frame import Frame
    from lipsync_cli.synthesis.sketch import Sketch

TINT_SIZE = 32  # pixels: colours are matched on a copy of the region that is no larger
TINT_BORDER = 0.02, 0.5  # between these weights of the mask the frame and the drawn face are compared
MARGIN = 0.25  # of the crop's side: what is kept of the reference around its crop, since the flow may point there


class ReferenceFace(NamedTuple):
    """The face whose pixels are moved.

    Attributes
    ----------
    pixels : shape (h, w, 3) uint8 RGB, a part of a frame at full size
    matrix : shape (2, 3), from pixel indices of `pixels` to those of the crop
    crop : shape (S, S, 3) uint8 RGB, what the network sees of it
    """

    pixels: np.ndarray
    matrix: np.ndarray
    crop: np.ndarray


def reference_face(frame: Frame, box: np.ndarray, rule: CropRule) -> ReferenceFace:
    """Keep the face in `box` of a frame (H, W, 3) as a reference."""
    x0, y0, side = rule.square(box)
    left, top = (max(0, int(start - MARGIN * side)) for start in (x0, y0))
    right, bottom = (int(start + (1 + MARGIN) * side) + 2 for start in (x0, y0))
    matrix = rule.matrix(box)
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    return ReferenceFace(frame[top:bottom, left:right].copy(), matrix, crop_face(frame, box, rule))


class Compositor:
    """Puts sketches into frames, at the frames' own resolution, and changes nothing outside the mask.

    Parameters
    ----------
    rule : the crop that the sketches show
    mask : shape (K, K) float32 in [0, 1], how much of the crop is replaced, in the crop's geometry at any size
    """

    def __init__(self, rule: CropRule, mask: np.ndarray) -> None:
        self._rule, self._mask = rule, mask
        rows, columns = np.flatnonzero(mask.max(1)), np.flatnonzero(mask.max(0))
        size = len(mask)
        self._extent = columns[0] / size, rows[0] / size, (columns[-1] + 1) / size, (rows[-1] + 1) / size

    def compose(
        self, frame: Frame, matrix: np.ndarray, sketch: Sketch, reference: ReferenceFace, share: float = 1.0
    ) -> Frame:
        """Return the frame with the sketched lower face.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB; stays as it is
        matrix : shape (2, 3), from pixel indices of the frame to those of the crop that was sketched
        sketch : of one crop
        reference : the face that the sketch's flow points into
        share : how much of the sketch is mixed in, 0 ... 1
        """
        region = self._region(frame, matrix)
        if region is None:
            return frame
        rows, columns = region
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        moved = matrix.copy()
        moved[:, 2] += matrix[:, :2] @ (columns.start, rows.start)
        weight = self._weight(moved, shape)
        face = self._face(moved, shape, sketch, reference)
        if sketch.flow is None:
            face = face + _tint(frame[rows, columns] - face, weight)
        return mix(frame, rows, columns, face, np.float32(share) * weight)

    def _region(self, frame: Frame, matrix: np.ndarray) -> tuple[slice, slice] | None:
        """Return rows and columns of the frame that the mask touches, or None if it lies outside."""
        left, top, right, bottom = (value * self._rule.size for value in self._extent)
        corners = np.array([[left, left, right, right], [top, bottom, top, bottom]]) - 0.5
        places = np.linalg.inv(matrix[:, :2]) @ (corners - matrix[:, 2:])
        first, last = np.floor(places.min(1)).astype(int) - 1, np.ceil(places.max(1)).astype(int) + 2
        columns, rows = (
            slice(max(0, start), min(length, stop))
            for start, stop, length in zip(first, last, frame.shape[1::-1], strict=True)
        )
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def _weight(self, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the mask in the region's pixels, shape (h, w) float32."""
        import cv2

        factor = len(self._mask) / self._rule.size
        scaled = matrix * factor
        scaled[:, 2] += (factor - 1) / 2
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self._mask, scaled, shape[::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT)

    def _face(self, matrix: np.ndarray, shape: tuple[int, int], sketch: Sketch, reference: ReferenceFace) -> np.ndarray:
        """Return the face at the frame's resolution, shape (h, w, 3) float32, 0 ... 255."""
        if sketch.flow is None or sketch.mask is None or sketch.patch is None:
            assert sketch.image is not None
            return _enlarge(sketch.image, matrix, shape) * 255
        size = self._rule.size
        half = size // 2  # above it there is no flow, and what is there must not be mixed into the first rows below
        lower = matrix.copy()
        lower[1, 2] -= half
        guide = _enlarge(np.dstack([sketch.flow[-half:], sketch.mask[-half:]]), lower, shape)
        patch = _enlarge(sketch.patch[-half:], lower, shape)
        warped = _move(reference, matrix, shape, guide[:, :, :2] * size)
        share = np.clip(guide[:, :, 2:], 0, 1)
        return share * warped + (1 - share) * (patch * 255)


def _enlarge(image: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Sample an image (h, w, C) float32 in the geometry of the crop at the pixels of the region, smoothly."""
    import cv2

    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _move(reference: ReferenceFace, matrix: np.ndarray, shape: tuple[int, int], flow: np.ndarray) -> np.ndarray:
    """Sample the reference's own pixels where the flow (h, w, 2), in pixels of the crop, points; float32."""
    import cv2

    to_crop, offset = reference.matrix[:, :2], reference.matrix[:, 2]
    back = np.linalg.inv(to_crop)
    step = back @ matrix[:, :2]  # from pixels of the region to pixels of the reference, without the flow
    start = back @ (matrix[:, 2] - offset)
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    moved = flow @ back.T.astype(np.float32)
    map_x = moved[:, :, 0] + (np.float32(step[0, 0]) * x + np.float32(step[0, 1]) * y + np.float32(start[0]))
    map_y = moved[:, :, 1] + (np.float32(step[1, 0]) * x + np.float32(step[1, 1]) * y + np.float32(start[1]))
    return cv2.remap(reference.pixels, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )


def _tint(difference: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return what to add to a face that was drawn anew so that its colour meets the frame's along the mask's border.

    Parameters
    ----------
    difference : shape (h, w, 3) float32, frame minus face
    weight : shape (h, w) float32, the mask

    Returns
    -------
    shape (h, w, 3) float32, the differences at the border carried smoothly into the middle
    """
    import cv2

    height, width = weight.shape
    factor = min(1.0, TINT_SIZE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    border = ((weight > TINT_BORDER[0]) & (weight < TINT_BORDER[1])).astype(np.float32)
    known = cv2.resize(np.dstack([difference * border[:, :, None], border]), size, interpolation=cv2.INTER_AREA)
    known = cv2.GaussianBlur(known, (0, 0), max(size) / 6)
    tint = known[:, :, :3] / (known[:, :, 3:] + 1e-3)
    return cv2.resize(tint, (width, height), interpolation=cv2.INTER_LINEAR)
