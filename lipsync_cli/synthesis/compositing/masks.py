"""How a drawn face fades into the frame below it: softly where the two agree, firmly where another mouth would show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.synthesis.compositing.crop_sampler import CropSampler

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Layer

FINE = 0.06  # of the crop's side: what differs over less than it is a mouth's edge, and no skin in another light
AROUND = 0.04  # of the region's width: as large is a part of a mouth that shows
FIRM = 0.25, 0.45  # of the drawn face's contrast, that difference where the firm mask has more weight: it takes over
HARD = 0.4, 0.6  # the same of the hard mask over the firm one


class FadingMasks:
    """Masks of one place, each fading over a shorter way than the one before, and the choice between them.

    A soft mask shows no border, but where a frame's own mouth is wide and the drawn one is not, the lips of the former
    show through where it fades. There is a difference of frame and face there that a mask which fades elsewhere does
    not have.

    Parameters
    ----------
    masks : shape (K, K) float32 in [0, 1] each, how much of the crop is replaced; one, two or three
    side : of the crop, in pixels
    """

    def __init__(self, masks: tuple[np.ndarray, ...], side: int) -> None:
        self._side = side
        self._masks = [CropSampler(mask, len(mask) / side, cubic=False) for mask in masks]

    def choose(
        self, moved: np.ndarray, shape: tuple[int, int], firm: float, face: Layer, frame: Layer
    ) -> tuple[np.ndarray, float]:
        """Return the weight of each pixel of a region, and how much the firm masks have to do with it.

        Parameters
        ----------
        moved : shape (2, 3), from pixel indices of the region to those of the crop
        shape : of the region, h, w
        firm : 0 ... 1, how much of the second mask is used at least
        face, frame : layers at full size of the region, what is drawn and what is there

        Returns
        -------
        shape (h, w) float32 in [0, 1], and 0 ... 1
        """
        weight = self._masks[0].sample(moved, shape)
        if len(self._masks) == 1:
            return weight, 0.0
        edges, contrast = _edges(face, frame, min(1.0, float(np.sqrt(abs(np.linalg.det(moved[:, :2]))))), self._side)
        shares: list[float] = []
        for least, mask, span in zip((firm, 0.0), self._masks[1:], (FIRM, HARD), strict=False):
            firmer = mask.sample(moved, shape)
            share = max(least, _ramp(_within(edges, firmer - weight) / contrast, span))
            shares.append(share * (shares[-1] if shares else 1.0))
            if share == 0:
                break
            weight += np.float32(shares[-1]) * (firmer - weight)
        return weight, shares[0]


def _edges(face: Layer, frame: Layer, zoom: float, side: int) -> tuple[np.ndarray, float]:
    """Return the fine part of the difference of two layers, and the contrast of the first.

    Parameters
    ----------
    face, frame : layers at full size of a region
    zoom : pixels of the crop a pixel of the region, at most 1
    side : of the crop, in pixels

    Returns
    -------
    shape (h, w) float32, at the crop's resolution, and grey levels
    """
    import cv2

    drawn, below = (_brightness(layer) for layer in (face, frame))
    size = tuple(max(1, round(length * zoom)) for length in drawn.shape[::-1])
    difference = np.asarray(cv2.resize(drawn - below, size, interpolation=cv2.INTER_AREA))
    return difference - cv2.GaussianBlur(difference, (0, 0), FINE * side), max(1.0, float(drawn.std()))


def _brightness(layer: Layer) -> np.ndarray:
    """Return the brightness of a layer at full size: shape (h, w) float32, 0 ... 255."""
    import cv2

    pixels = np.asarray(layer.parts[0], np.float32)
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def _within(edges: np.ndarray, gain: np.ndarray) -> float:
    """Return the root mean square of a difference around the place where another mask shows most of it."""
    import cv2

    gain = cv2.resize(np.maximum(gain, 0), edges.shape[::-1], interpolation=cv2.INTER_AREA)
    return float(np.sqrt(cv2.GaussianBlur(edges * edges * gain, (0, 0), AROUND * edges.shape[1]).max()))


def _ramp(value: float, span: tuple[float, float]) -> float:
    least, most = span
    return min(max((value - least) / (most - least), 0.0), 1.0)
