"""How close an image is to what it should be: PSNR and SSIM, over many images at once, of the whole and of a region.

Every function takes images of shape (n, H, W, 3), uint8 RGB, and gives one figure an image.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import FRAME, HIGHER, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import Region
    from lipsync_cli.metrics.clip_view import ClipView, FrameView

PEAK = 255.0
MAX_PSNR_DB = 100.0  # what identical images score; one grey level off in one of 96 x 96 x 3 values scores 92.5 dB
SSIM_WINDOW = 11  # pixels
SSIM_SIGMA = 1.5  # pixels
_C1, _C2 = np.float32((0.01 * PEAK) ** 2), np.float32((0.03 * PEAK) ** 2)
_STRIP = 48  # rows worked on at once, so that the intermediate maps stay in the cache


def measure(images: np.ndarray, references: np.ndarray, mouth: Region) -> dict[str, np.ndarray]:
    """Measure face crops against the real ones, over the whole crop and over the mouth.

    Parameters
    ----------
    images, references : shape (n, S, S, 3), uint8 RGB
    mouth : region of the mouth in the crop, as `CropRule.mouth_region` gives it

    Returns
    -------
    "crop_psnr", "crop_ssim", "mouth_psnr", "mouth_ssim", each of shape (n,)
    """
    similarity = ssim_map(images, references)
    return {
        "crop_psnr": psnr(images, references),
        "crop_ssim": similarity.mean((1, 2)),
        "mouth_psnr": psnr(images, references, mouth),
        "mouth_ssim": _ssim_of_region(similarity, mouth),
    }


def psnr(images: np.ndarray, references: np.ndarray, region: Region | None = None) -> np.ndarray:
    """Compute the peak signal-to-noise ratio of each image in dB; the peak is 255.

    Parameters
    ----------
    images, references : shape (n, H, W, 3), uint8 RGB
    region : the part that counts; None = all of it

    Returns
    -------
    shape (n,), float64; the mean squared error runs over pixels and channels, and identical images score 100 dB
    """
    _check_shapes(images, references)
    if region is not None:
        row0, row1, column0, column1 = region
        images, references = images[:, row0:row1, column0:column1], references[:, row0:row1, column0:column1]
    difference = np.subtract(images, references, dtype=np.int16).reshape(len(images), -1).astype(np.float32)
    squared_error = np.einsum("ni,ni->n", difference, difference, dtype=np.float64) / difference.shape[1]
    with np.errstate(divide="ignore"):
        return np.minimum(10 * np.log10(PEAK**2 / squared_error), MAX_PSNR_DB)


def ssim(images: np.ndarray, references: np.ndarray, region: Region | None = None) -> np.ndarray:
    """Compute the structural similarity of each image.

    Parameters
    ----------
    images, references : shape (n, H, W, 3), uint8 RGB, H and W at least 11
    region : the part whose pixels count; None = all of it

    Returns
    -------
    shape (n,), float64, at most 1

    Notes
    -----
    Wang, Bovik, Sheikh and Simoncelli 2004: Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03,
    peak 255, population covariance, each colour channel for itself, then the mean over channels and over all pixels
    whose window lies within the image. A region's pixels keep their windows, which reach 5 pixels beyond its edge.
    """
    similarity = ssim_map(images, references)
    return similarity.mean((1, 2)) if region is None else _ssim_of_region(similarity, region)


def ssim_map(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Compute the structural similarity of each pixel whose window lies within the image, mean over the channels.

    Returns
    -------
    shape (n, H - 10, W - 10), float64: entry (0, 0) belongs to pixel (5, 5)
    """
    _check_shapes(images, references)
    number, height, width, _ = images.shape
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs images of at least {SSIM_WINDOW} x {SSIM_WINDOW} pixels, not {width} x {height}")
    overlap = SSIM_WINDOW - 1
    maps = np.empty((number, height - overlap, width - overlap))
    for one, image, reference in zip(maps, images, references, strict=True):
        for row in range(0, len(one), _STRIP):
            part = slice(row, row + _STRIP + overlap)
            one[row : row + _STRIP] = _ssim_of_strip(image[part], reference[part])
    return maps


def _ssim_of_strip(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Compute the map of some rows of an image, (H, W, 3), mean over the channels: shape (H - 10, W - 10)."""
    import cv2

    window, margin = _window(), SSIM_WINDOW // 2
    inner = slice(margin, -margin), slice(margin, -margin)

    def smooth(part: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(part, cv2.CV_32F, window, window)[inner]

    # Variances do not change when the middle grey is taken off first, and keep more digits in float32.
    grey = np.float32(PEAK / 2)
    x, y = (part.astype(np.float32) - grey for part in (image, reference))
    mean_x, mean_y, energy, cross = (smooth(part) for part in (x, y, x * x + y * y, x * y))
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    sum_of_means = mean_x + mean_y
    # (m + g)(n + g) = mn + g (m + n) + g^2, and the like for the squares
    bright = 2 * product + 2 * grey * sum_of_means + (2 * grey * grey + _C1)
    bright_squares = squares + 2 * grey * sum_of_means + (2 * grey * grey + _C1)
    found = bright * (2 * (cross - product) + _C2) / (bright_squares * (energy - squares + _C2))
    return (found[..., 0].astype(np.float64) + found[..., 1] + found[..., 2]) / 3


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """Make the Gaussian weights along one side of the window: shape (11,)."""
    distance = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-0.5 * (distance / SSIM_SIGMA) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def _ssim_of_region(similarity: np.ndarray, region: Region) -> np.ndarray:
    """Average the map over the pixels of a region that have a value."""
    margin = SSIM_WINDOW // 2
    row0, row1, column0, column1 = (max(0, edge - margin) for edge in region)
    part = similarity[:, row0:row1, column0:column1]
    if not part.size:
        return np.full(len(similarity), math.nan)
    return part.mean((1, 2))


def _check_shapes(images: np.ndarray, references: np.ndarray) -> None:
    if images.shape != references.shape or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"two stacks of RGB images of one shape are needed, not {images.shape} and {references.shape}")
    if images.dtype != np.uint8 or references.dtype != np.uint8:
        raise ValueError(f"images of 8 bits are needed, not {images.dtype} and {references.dtype}")


def _declare(place: str, where: str) -> tuple[Metric, Metric]:
    ratio = f"peak signal-to-noise ratio over RGB pixels of 8 bits, peak 255; identical images score {MAX_PSNR_DB:g}"
    similarity = "structural similarity: Gaussian window 11 x 11, sigma 1.5, peak 255, mean over RGB and whole windows"
    wang = "Wang, Bovik, Sheikh and Simoncelli 2004, equation 13"
    about = f"PSNR of the {where}", "reconstruction", FRAME, HIGHER
    return (
        Metric(f"{place}_psnr", *about, ratio, "10 log10(255^2 / MSE)", unit="dB", digits=2),
        Metric(f"{place}_ssim", f"SSIM of the {where}", *about[1:], similarity, wang),
    )


def _measure_crops(evidence: ClipView) -> dict[str, np.ndarray]:
    return measure(evidence.crops, evidence.real, evidence.mouth)


def _watch_frame(view: FrameView) -> dict[str, float]:
    if view.real is None:
        raise MetricUnavailableError("no reference")
    frame, real = view.frame[None], view.real[None]
    return {"frame_psnr": float(psnr(frame, real)[0]), "frame_ssim": float(ssim(frame, real)[0])}


FAMILIES = (
    MetricGroup((*_declare("mouth", "mouth"), *_declare("crop", "crop")), measure=_measure_crops),
    MetricGroup(_declare("frame", "frame"), watch=_watch_frame),
)
