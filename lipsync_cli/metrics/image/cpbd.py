"""CPBD: which share of a picture's edges is too narrow to look blurred."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

BLOCK = 64  # pixels: the part of a picture whose contrast counts for its edges
EDGE_SHARE = 0.002  # of a block's pixels; blocks with fewer edge pixels do not count
LOW_CONTRAST = 50  # grey levels
JUST_NOTICEABLE = 5, 3  # pixels: widest edge that still looks sharp, in blocks of low and of higher contrast

_CANNY_SIGMA = 2**0.5  # pixels
_CANNY_QUIET = 0.7  # share of pixels that lie below Canny's upper threshold
_CANNY_LOW = 0.4  # lower threshold, of the upper one
_TAN_22_5 = 2**0.5 - 1


def cpbd(image: np.ndarray) -> float:
    """Compute the cumulative probability of blur detection of a picture: 1 is sharp, 0 is blurred.

    Parameters
    ----------
    image : shape (H, W), uint8 grey

    Returns
    -------
    in [0, 1]; NaN if there is no vertical edge, so that nothing can be said

    Notes
    -----
    Narvekar and Karam 2011, "A no-reference image blur metric based on the cumulative probability of blur detection
    (CPBD)". An edge of width w in a block whose just noticeable width is w_JNB looks blurred with the probability
    P = 1 - exp(-(w / w_JNB)^3.6), equation 4, and CPBD is the share of edges with P <= P_JNB = 63 %, equation 8. That
    is the share of edges with w <= w_JNB, whatever the exponent, and so it is computed. Widths are Marziliano's (2002):
    along the row, from the last to the next local extremum of the grey, at the vertical edges that Sobel's operator
    finds and whose gradient points within 22.5 degrees of the row. Blocks whose edges, by Canny's operator, are no more
    than 0.2 % of their pixels do not count. The paper leaves out what does not fill a block of 64 pixels, which would
    be half of a face crop; here the picture is divided evenly into blocks as near to 64 pixels as it allows. The
    operators' thresholds are those of MATLAB's `edge`, which the authors used.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"a grey picture of 8 bits is needed, not {image.dtype} of shape {image.shape}")
    if min(image.shape) < 3:
        return float("nan")
    width = edge_widths(image)
    outline = _outline(image)
    sharp = edges = 0
    rows, columns = (np.linspace(0, side, max(1, round(side / BLOCK)) + 1).astype(int) for side in image.shape)
    for row0, row1 in pairwise(rows):
        for column0, column1 in pairwise(columns):
            block = np.s_[row0:row1, column0:column1]
            if np.count_nonzero(outline[block]) <= EDGE_SHARE * outline[block].size:
                continue
            grey, found = image[block], width[block][width[block] > 0]
            has_contrast = int(grey.max()) - int(grey.min()) > LOW_CONTRAST
            sharp += np.count_nonzero(found <= JUST_NOTICEABLE[has_contrast])
            edges += len(found)
    return sharp / edges if edges else float("nan")


def edge_widths(image: np.ndarray) -> np.ndarray:
    """Measure how many pixels each vertical edge takes from one grey to the other (Marziliano et al. 2002).

    Parameters
    ----------
    image : shape (H, W), uint8 grey

    Returns
    -------
    shape (H, W), int64; 0 where there is no edge
    """
    grey = image.astype(np.int32)
    step = np.diff(grey, axis=1)
    down, across = np.gradient(grey.astype(np.float64))
    is_edge = _thin(_sobel_across(grey)) & (np.abs(down) <= _TAN_22_5 * np.abs(across))
    width = np.zeros(image.shape, np.int64)
    for is_monotonic, here in ((step > 0, across > 0), (step < 0, across < 0)):
        before, after = _run_before(is_monotonic), _run_before(is_monotonic[:, ::-1])[:, ::-1]
        width = np.where(is_edge & here, np.maximum(before, 1) + np.maximum(after, 1), width)
    return width


def _sobel_across(grey: np.ndarray) -> np.ndarray:
    """Square Sobel's horizontal derivative: shape (H, W); borders repeat."""
    padded = np.pad(grey, 1, mode="edge")
    columns = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.square((columns[:, 2:] - columns[:, :-2]) / 8.0)


def _thin(strength: np.ndarray) -> np.ndarray:
    """Keep what is strong and the strongest along its row."""
    is_edge = strength > 4 * strength.mean()
    is_edge[:, 1:] &= strength[:, 1:] >= strength[:, :-1]
    is_edge[:, :-1] &= strength[:, :-1] > strength[:, 1:]
    is_edge[:, [0, -1]] = False
    return is_edge


def _run_before(steps: np.ndarray) -> np.ndarray:
    """Count how many steps in a row are true just before each pixel: (H, W - 1) to (H, W)."""
    height, number = steps.shape
    place = np.arange(1, number + 1)
    last_false = np.maximum.accumulate(np.where(steps, 0, place), axis=1)
    return np.concatenate([np.zeros((height, 1), int), place - last_false], axis=1)


def _outline(image: np.ndarray) -> np.ndarray:
    """Find edges of all directions by Canny's operator: shape (H, W), not 0 at an edge."""
    import cv2

    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), _CANNY_SIGMA)
    across, down = (
        np.rint(16 * cv2.Sobel(smooth, cv2.CV_32F, *order)).clip(-32767, 32767).astype(np.int16)
        for order in ((1, 0), (0, 1))
    )
    high = float(np.quantile(np.hypot(across.astype(np.float32), down), _CANNY_QUIET))
    return cv2.Canny(across, down, _CANNY_LOW * high, max(high, 1.0), L2gradient=True)
