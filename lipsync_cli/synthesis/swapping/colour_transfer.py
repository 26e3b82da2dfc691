"""Brings drawn faces to the colours of the film that they go into."""

from __future__ import annotations

import numpy as np

LAB, HISTOGRAM, NONE = TRANSFERS = "lab", "histogram", "none"
LEVELS = 64  # of a histogram
MOST_SCALE = 1.5  # by which a deviation is changed at most: little light has little contrast, and noise is none


def transfer_colour(drawn: np.ndarray, shown: np.ndarray, weight: np.ndarray, kind: str) -> np.ndarray:
    """Give a drawn face the colours of the one that the film shows.

    Parameters
    ----------
    drawn : shape (S, S, 3), float32 RGB in [0, 1]
    shown : shape (S, S, 3), uint8 RGB
    weight : shape (S, S), float32, how much of each place counts
    kind : "lab", mean and deviation in CIELAB (after Reinhard et al. 2001); "histogram", of each of red, green
        and blue; "none"

    Returns
    -------
    shape (S, S, 3), float32 RGB in [0, 1]
    """
    if kind == NONE or weight.sum() < 1:
        return drawn
    target = shown.astype(np.float32) / 255
    return _in_lab(drawn, target, weight) if kind == LAB else _by_histogram(drawn, target, weight)


def _in_lab(drawn: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> np.ndarray:
    import cv2

    here, there = (cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2Lab) for image in (drawn, shown))
    (mean, deviation), (wanted, spread) = (_moments(image, weight) for image in (here, there))
    scale = np.clip(spread / np.maximum(deviation, 1e-3), 1 / MOST_SCALE, MOST_SCALE)
    moved = ((here - mean) * scale + wanted).astype(np.float32)
    return np.clip(cv2.cvtColor(moved, cv2.COLOR_Lab2RGB), 0, 1)


def _moments(image: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = (weight / weight.sum())[:, :, None]
    mean = (share * image).sum((0, 1))
    return mean, np.sqrt((share * (image - mean) ** 2).sum((0, 1)))


def _by_histogram(drawn: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> np.ndarray:
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    moved = np.empty_like(drawn)
    for channel in range(3):
        here, there = (
            np.cumsum(np.histogram(image[:, :, channel], LEVELS, (0, 1), weights=weight)[0]) / weight.sum()
            for image in (drawn, shown)
        )
        wanted = np.interp(here, there + 1e-9 * np.arange(LEVELS), middles)
        moved[:, :, channel] = np.interp(drawn[:, :, channel], middles, wanted)
    return moved
