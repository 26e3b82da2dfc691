"""Blinks, from the aspect ratio of the eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

CLOSED = 0.75  # of the eyes' usual aspect ratio
LONGEST_S = 0.5  # eyes that stay closed longer do not blink
MIN_S = 1.0  # of a clip


def eye_aspect_ratio(landmarks: np.ndarray) -> np.ndarray:
    """Return the mean aspect ratio of the two eyes, height over width, shape (n,).

    Soukupová and Čech 2016, "Real-time eye blink detection using facial landmarks", equation 1.
    """
    ratios = []
    for first in (36, 42):
        p = landmarks[:, first : first + 6]
        height = np.linalg.norm(p[:, 1] - p[:, 5], axis=1) + np.linalg.norm(p[:, 2] - p[:, 4], axis=1)
        ratios.append(height / (2 * np.linalg.norm(p[:, 0] - p[:, 3], axis=1)))
    return np.mean(ratios, axis=0)


def count_blinks(ratio: np.ndarray, fps: float, closed: float = CLOSED) -> int:
    """Count how often the eyes close for a moment.

    Parameters
    ----------
    ratio : shape (n,), eye aspect ratio of consecutive frames
    closed : share of the clip's median below which the eyes count as closed; one person's open eyes are another's
        closed ones, so no fixed limit will do
    """
    is_closed = np.concatenate([[False], ratio < closed * np.median(ratio), [False]])
    edges = np.flatnonzero(np.diff(is_closed.astype(np.int8)))
    return int(((edges[1::2] - edges[::2]) <= LONGEST_S * fps).sum())


def _measure(evidence: ClipView) -> dict[str, float]:
    seconds = len(evidence) / evidence.fps
    if seconds < MIN_S:
        raise MetricUnavailableError(f"{seconds:.2f} s are too short to count blinks")
    return {"blinks": 60 * count_blinks(eye_aspect_ratio(evidence.landmarks), evidence.fps) / seconds}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "blinks",
                "blinks",
                "behaviour",
                CLIP,
                NEAR,
                f"times a minute that the eyes' aspect ratio falls below {CLOSED:g} of the clip's median for at most "
                f"{LONGEST_S:g} s; a clip of 3 s counts in steps of 20",
                "Soukupová and Čech 2016, equation 1; own threshold",
                unit="/min",
                digits=1,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
