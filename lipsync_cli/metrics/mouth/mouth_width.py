"""How wide the mouth is over time beside the real one: spread lips (ee) and rounded ones (oo)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, HIGHER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES, correlate, eye_distance
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

STILL = 0.004  # standard deviation of the width of a mouth that does not move, for noise alone

_CORNERS = 48, 54  # of the outer lips


def mouth_width(landmarks: np.ndarray) -> np.ndarray:
    """Return the distance of the corners of the mouth, shape (n,), in distances of the eyes' centres.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels
    """
    corners = landmarks[:, _CORNERS[0]] - landmarks[:, _CORNERS[1]]
    return np.linalg.norm(corners, axis=1) / eye_distance(landmarks)


def width_correlation(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return Pearson's correlation over time of two widths, -1 to 1.

    Parameters
    ----------
    reference, estimate : shape (n,), `mouth_width` of the real film and of the other one at the same times

    Raises
    ------
    MetricUnavailableError : too few frames, or one of them does not move
    """
    if min(np.std(reference), np.std(estimate)) < STILL:
        raise MetricUnavailableError("the corners of the mouth do not move")
    return correlate(reference, estimate)


def width_amplitude(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the ratio of the standard deviations of two widths, 0 or more; 1 is the real one's.

    Parameters
    ----------
    reference, estimate : shape (n,) and (m,), `mouth_width`

    Raises
    ------
    MetricUnavailableError : too few frames, or the real corners do not move
    """
    if len(reference) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(reference)} frames are too few")
    if np.std(reference) < STILL:
        raise MetricUnavailableError("the real corners of the mouth do not move")
    return float(np.std(estimate) / np.std(reference))


def _measure(evidence: ClipView) -> dict[str, float | MetricUnavailableError]:
    real, made = mouth_width(evidence.truth.landmarks), mouth_width(evidence.landmarks)
    figures: dict[str, float | MetricUnavailableError] = {}
    for name, compute in (("width_correlation", width_correlation), ("width_amplitude", width_amplitude)):
        try:
            figures[name] = compute(real, made)
        except MetricUnavailableError as reason:
            figures[name] = reason
    return figures


_WIDTH = "distance of the corners of the mouth (points 48-54 of dlib's 68) over that of the eyes' centres"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "width_correlation",
                "width correlation",
                "behaviour",
                CLIP,
                HIGHER,
                f"Pearson's correlation over time of the {_WIDTH} with the real clip's",
                "own",
                digits=3,
            ),
            Metric(
                "width_amplitude",
                "width amplitude",
                "behaviour",
                CLIP,
                NEAR,
                f"standard deviation over time of the {_WIDTH} over the real clip's",
                "own",
                target=1.0,
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
