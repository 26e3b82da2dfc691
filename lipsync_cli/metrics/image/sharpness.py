"""How sharp a face is: for itself, and at the mouth as against the part that no generator draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.image.cpbd import cpbd
from lipsync_cli.metrics.metric import FRAME, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import Region
    from lipsync_cli.metrics.clip_view import ClipView


def to_grey(images: np.ndarray) -> np.ndarray:
    """Turn RGB (..., 3) uint8 into grey (...) uint8 by ITU-R BT.601, in whole numbers."""
    weights = np.array([77, 150, 29], np.uint32)
    return ((images @ weights + 128) >> 8).astype(np.uint8)


def detail(images: np.ndarray, region: Region) -> np.ndarray:
    """Measure how much fine detail a region has: the root mean square of the Laplacian of the grey.

    Parameters
    ----------
    images : shape (n, H, W, 3), uint8 RGB
    region : first row, last row + 1, first column, last column + 1; widened by a pixel where the image allows

    Returns
    -------
    shape (n,), grey levels
    """
    row0, row1, column0, column1 = region
    part = images[:, max(0, row0 - 1) : row1 + 1, max(0, column0 - 1) : column1 + 1]
    if min(part.shape[1:3]) < 3:
        raise MetricUnavailableError("the crop is too small for a Laplacian")
    grey = to_grey(part).astype(np.float32)
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return np.sqrt(np.square(around - 4 * middle).mean((1, 2), dtype=np.float64))


def mouth_over_face(images: np.ndarray, mouth: Region, box: np.ndarray) -> np.ndarray:
    """Compare the detail of the mouth with that of the eyes and the nose above it.

    Parameters
    ----------
    images : shape (n, S, S, 3), uint8 RGB
    mouth : its region in the crop
    box : x0, y0, x1, y1 of the face in the crop, in pixels; the part above the middle of the crop counts, where a
        generator leaves the face as it is

    Returns
    -------
    shape (n,); NaN where the upper face is perfectly flat
    """
    size = images.shape[1]
    x0, y0, x1, _ = (int(value) for value in np.clip(np.rint(box), 0, size))
    upper = detail(images, (y0, size // 2, x0, x1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(upper > 0, detail(images, mouth) / upper, np.nan)


def _measure(evidence: ClipView) -> dict[str, np.ndarray]:
    return {
        "crop_cpbd": np.array([cpbd(image) for image in to_grey(evidence.crops)]),
        "mouth_over_face": mouth_over_face(evidence.crops, evidence.mouth, evidence.rule.box_in_crop()),
    }


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "crop_cpbd",
                "CPBD of the crop",
                "sharpness",
                FRAME,
                NEAR,
                "share of the edges in the crop that are too narrow to look blurred: 1 sharp, 0 blurred",
                "Narvekar and Karam 2011, equation 8",
            ),
            Metric(
                "mouth_over_face",
                "sharpness, mouth over face",
                "sharpness",
                FRAME,
                NEAR,
                "root mean square of the grey's Laplacian in the mouth region, over that in the face's upper half",
                "this project",
            ),
        ),
        measure=_measure,
    ),
)
