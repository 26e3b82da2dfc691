"""How much of the film's own mouth shows through when the sound is silent: LipLeak, and its share of the real mouth.

A system that follows the sound closes the mouth when nothing is said. One that copies the frames which it was given
goes on moving the old mouth. The film must have been made from digital silence (`lipsync infer --silence model`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, LOWER, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import to_levels
from lipsync_cli.speech.vad import band_levels, find_speech

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

OPEN_RATIO = 0.25  # mouth aspect ratio above which a mouth counts as open, in LipLeak
OPEN_APERTURE = 0.03  # of the face's width, in the normalised leak and in `articulation`
MIN_OPEN = 0.05  # share of open frames of a real mouth below which nothing is divided by it

_HEIGHTS = (61, 67), (62, 66), (63, 65)  # upper and lower inner lip
_CORNERS = 60, 64  # of the inner lips
_JAW = 0, 16  # ends of the jaw line, by the ears


def mouth_aspect_ratio(landmarks: np.ndarray) -> np.ndarray:
    """Return the mouth aspect ratio: the inner lips' three heights over twice their width.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels

    Returns
    -------
    shape (n,), no unit, 0 or more; NaN where the points are

    Source
    ------
    Bigata et al. 2025 (KeySync, arXiv 2505.00497), LipLeak
    """
    heights = [np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=1) for upper, lower in _HEIGHTS]
    width = np.linalg.norm(landmarks[:, _CORNERS[0]] - landmarks[:, _CORNERS[1]], axis=1)
    return np.sum(heights, axis=0) / (2 * width)


def aperture(landmarks: np.ndarray) -> np.ndarray:
    """Return the gap of the inner lips over the width of the face, between the ends of the jaw line.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels

    Returns
    -------
    shape (n,), no unit, 0 or more; NaN where the points are
    """
    gaps = [np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=1) for upper, lower in _HEIGHTS]
    width = np.linalg.norm(landmarks[:, _JAW[0]] - landmarks[:, _JAW[1]], axis=1)
    return np.mean(gaps, axis=0) / width


def open_share(opened: np.ndarray, threshold: float) -> float:
    """Return the share of frames in which a mouth is open, 0 to 1; with `mouth_aspect_ratio` and 0.25 it is LipLeak.

    Parameters
    ----------
    opened : shape (n,), in any measure; NaN: no face
    threshold : in the same measure; above it the mouth is open

    Raises
    ------
    MetricUnavailableError : there are too few frames
    """
    known = opened[~np.isnan(opened)]
    if len(known) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(known)} frames are too few")
    return float((known > threshold).mean())


def open_share_ratio(reference: np.ndarray, estimate: np.ndarray, threshold: float = OPEN_APERTURE) -> float:
    """Return the share of open frames over that of the same person's real video.

    Parameters
    ----------
    reference, estimate : shape (n,) and (m,), `aperture` in the real film, in which the person talks, and in another
    threshold : in the same measure; above it the mouth is open

    Returns
    -------
    0 or more, no unit; take the median over people, since the ratio of a mouth that is hardly ever open is large

    Raises
    ------
    MetricUnavailableError : too few frames, or the real mouth is open in less than one frame of twenty
    """
    share, real = open_share(estimate, threshold), open_share(reference, threshold)
    if real < MIN_OPEN:
        raise MetricUnavailableError("the real mouth is hardly ever open")
    return share / real


def is_silent(mel: np.ndarray) -> bool:
    """Tell whether nothing is said in a sound: no speech stands out; a mark in the sound is far below speech.

    Parameters
    ----------
    mel : shape (T, 80), log-mel
    """
    return not find_speech(band_levels(to_levels(mel))).speech.any()


def _measure(evidence: ClipView) -> dict[str, float | MetricUnavailableError]:
    is_real = evidence.truth_or_none is evidence
    if not is_real and not is_silent(evidence.mel):
        raise MetricUnavailableError(
            "something is said: give a video that was made from silence (infer --silence model)"
        )
    figures: dict[str, float | MetricUnavailableError] = {}
    figures["lip_leak"] = open_share(mouth_aspect_ratio(evidence.landmarks), OPEN_RATIO)
    try:
        figures["normalised_leak"] = open_share_ratio(aperture(evidence.truth.landmarks), aperture(evidence.landmarks))
    except MetricUnavailableError as reason:
        figures["normalised_leak"] = reason
    return figures


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "lip_leak",
                "LipLeak",
                "behaviour",
                CLIP,
                LOWER,
                "of a video made from silence: share of frames whose mouth aspect ratio (inner lips' three heights "
                f"over twice their width, dlib's 68 points) is above {OPEN_RATIO:g}; ground truth: the real mouth",
                "Bigata et al. 2025 (KeySync), LipLeak",
                digits=3,
            ),
            Metric(
                "normalised_leak",
                "normalised leak",
                "behaviour",
                CLIP,
                LOWER,
                "of a video made from silence: share of frames whose inner lips are further apart than "
                f"{OPEN_APERTURE:.0%} of the face's width, over that share of the same person's real video, in which "
                "he talks; read the median over people, not the mean",
                "Alapon, a repair of SyncTalk_2D (2026), normalised leak; here on dlib's 68 points",
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
