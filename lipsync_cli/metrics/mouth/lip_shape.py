"""Lips that are wrong at rest: one side more open than the other, thinner or thicker than the person's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, FRAME, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import eye_distance, opening
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

CLOSED = 0.04  # opening in eye distances below which a mouth counts as closed: landmarks part closed lips a little
MIN_CLOSED = 3  # frames

_LEFT, _RIGHT = (61, 67), (63, 65)  # upper and lower inner lip, on the left and on the right of the picture
_UPPER, _LOWER = ((50, 61), (51, 62), (52, 63)), ((67, 58), (66, 57), (65, 56))  # outer and inner edge of a lip


def mouth_skew(landmarks: np.ndarray) -> np.ndarray:
    """Return how much wider the mouth opens on one side than on the other, shape (n,), in eye distances, 0 or more.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels
    """
    left, right = (_apart(landmarks, (pair,)) for pair in (_LEFT, _RIGHT))
    return np.abs(left - right) / eye_distance(landmarks)


def lip_thickness(landmarks: np.ndarray) -> np.ndarray:
    """Return how thick both lips are together, shape (n,), in eye distances.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels
    """
    return (_apart(landmarks, _UPPER) + _apart(landmarks, _LOWER)) / eye_distance(landmarks)


def thickness_ratio(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return how thick closed lips are beside the source's: the ratio of the medians over frames with a closed mouth.

    Parameters
    ----------
    reference, estimate : shape (n, 68, 2) and (m, 68, 2), landmarks; their mouths need not close at the same times

    Returns
    -------
    0 or more; 1: as thick as the source's

    Raises
    ------
    MetricUnavailableError : one of the mouths is closed in fewer than `MIN_CLOSED` frames
    """
    medians = []
    for whose, points in (("reference", reference), ("video", estimate)):
        is_closed = opening(points) < CLOSED
        if is_closed.sum() < MIN_CLOSED:
            raise MetricUnavailableError(f"the mouth of the {whose} is closed in {is_closed.sum()} frames only")
        medians.append(float(np.median(lip_thickness(points[is_closed]))))
    return medians[1] / medians[0]


def _apart(landmarks: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return the mean distance of pairs of points, shape (n,), pixels."""
    return np.mean([np.linalg.norm(landmarks[:, one] - landmarks[:, other], axis=1) for one, other in pairs], axis=0)


def _measure_skew(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"mouth_skew": 100 * mouth_skew(evidence.landmarks)}


def _measure_thickness(evidence: ClipView) -> dict[str, float]:
    return {"lip_thickness": thickness_ratio(evidence.truth.landmarks, evidence.landmarks)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "mouth_skew",
                "mouth skew",
                "behaviour",
                FRAME,
                NEAR,
                "difference of the gaps of the inner lips on the left (points 61-67 of dlib's 68) and on the right "
                "(63-65), over the distance of the eyes' centres",
                "own",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure_skew,
        is_continuous=True,
        is_standard=False,
    ),
    MetricGroup(
        (
            Metric(
                "lip_thickness",
                "lip thickness",
                "behaviour",
                CLIP,
                NEAR,
                "height of the upper and the lower lip, median over frames whose inner lips are less than "
                f"{CLOSED:.0%} of the distance of the eyes' centres apart, over the reference's",
                "own",
                target=1.0,
                digits=3,
            ),
        ),
        measure=_measure_thickness,
        is_continuous=True,
        is_standard=False,
    ),
)
