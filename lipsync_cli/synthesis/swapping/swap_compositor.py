"""Puts drawn faces on the heads of a frame, inside their outline, in the frame's colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.aligned.alignment import to_indices
from lipsync_cli.faces.aligned.head_mask import soft_outline
from lipsync_cli.media.video.yuv_frame import blend, halve, layers
from lipsync_cli.synthesis.compositing.compositor import find_region, lay_out
from lipsync_cli.synthesis.compositing.crop_sampler import CropSampler, at_step
from lipsync_cli.synthesis.swapping.colour_transfer import transfer_colour

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

FINE = 2  # places of a mask along a side of a pixel of the drawn face


class Occluder(NamedTuple):
    """What lies over a face, and stays.

    Attributes
    ----------
    matrix : shape (2, 3), from pixel indices of the frame to those of the crop in which it was found
    opacity : shape (S / 4, S / 2) float32 in [0, 1], of the lower half of that crop
    size : S, side of the crop
    """

    matrix: np.ndarray
    opacity: np.ndarray
    size: int


class SwapCompositor:
    """Puts faces into frames, at the frames' own resolution; outside of the face's outline nothing is changed.

    Parameters
    ----------
    side : of the drawn faces, pixels
    colour : how their colours are brought to the film's, see `transfer_colour`
    is_masked : the mask that the network draws counts inside the outline; else all of it is replaced
    """

    def __init__(self, side: int, colour: str, is_masked: bool = True) -> None:
        self._side, self._colour, self._is_masked = side, colour, is_masked

    def compose(
        self,
        frame: Frame,
        similarity: np.ndarray,
        places: np.ndarray,
        shown: np.ndarray,
        drawn: tuple[np.ndarray, np.ndarray],
        *,
        occluder: Occluder | None = None,
    ) -> Frame:
        """Return the frame with the drawn face.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB or 4:2:0; stays as it is
        similarity : shape (2, 3), from places in the frame to the unit square
        places : shape (68, 2), landmarks in that square
        shown : shape (S, S, 3) uint8 RGB, the aligned face that the frame shows
        drawn : colour (S, S, 3) and mask (S, S), float32 in [0, 1]
        occluder : what lies over it; None: nothing
        """
        import cv2

        side, (colour, mask) = self._side, drawn
        matrix = to_indices(similarity, side)
        region = find_region(matrix, (0, 0, side, side), frame.shape, layers(frame)[-1].step)
        if region is None:
            return frame
        rows, columns = region
        shape = rows.stop - rows.start, columns.stop - columns.start
        moved = at_step(matrix, 1, columns.start, rows.start)
        wide = (FINE * side, FINE * side)
        outline = soft_outline(places, FINE * side)
        soft = outline * cv2.resize(mask, wide) if self._is_masked else outline
        weight = CropSampler(soft, FINE, cubic=False).sample(moved, shape)
        if occluder is not None:
            there = at_step(occluder.matrix, 1, columns.start, rows.start)
            factor = occluder.opacity.shape[1] / occluder.size
            over = CropSampler(occluder.opacity, factor, top=occluder.size // 2, cubic=False).sample(there, shape)
            weight = weight * (1 - np.clip(over, 0, 1))
        inside = cv2.resize(outline, (side, side), interpolation=cv2.INTER_AREA)
        colour = transfer_colour(colour, shown, inside, self._colour)
        face = lay_out(colour, moved, shape, frame)
        return blend(frame, rows, columns, face, [weight if layer.step == 1 else halve(weight) for layer in face])
