"""How the mouth opens and closes over time, beside the real one, from 68 landmarks of the face.

Landmarks come in pixels, shape (n, 68, 2), in iBUG's order. Lengths are given in distances between the centres of the
eyes, so that neither the size of the picture nor that of the face matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, FRAME, HIGHER, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

LIPS = slice(48, 68)
STILL = 0.004  # standard deviation of the opening of a mouth that does not move, for noise alone
MIN_FRAMES = 10  # for a figure of time

_EYES = slice(36, 42), slice(42, 48)
_GAPS = (61, 67), (62, 66), (63, 65)  # upper and lower inner lip


def eye_distance(landmarks: np.ndarray) -> np.ndarray:
    """Return the distance between the centres of the eyes, shape (n,), pixels."""
    left, right = (landmarks[:, eye].mean(1) for eye in _EYES)
    return np.linalg.norm(left - right, axis=1)


def opening(landmarks: np.ndarray) -> np.ndarray:
    """Return how far the inner lips are apart, shape (n,), in eye distances: the mean of three gaps."""
    gaps = [np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=1) for upper, lower in _GAPS]
    return np.mean(gaps, axis=0) / eye_distance(landmarks)


def lip_opening(landmarks: np.ndarray) -> np.ndarray:
    """Return the opening of inner and outer lips together: (mean inner gap + half the outer height) / eyes.

    The outer lips are read more surely than the inner ones, above all of small faces and under a moustache; their
    height does not reach 0. `benchmarks/strangers.py` measures by it.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels

    Returns
    -------
    shape (n,), in distances of the eyes' outer corners (points 36 and 45); NaN where the points are
    """
    gaps = [np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=1) for upper, lower in _GAPS]
    outer = np.linalg.norm(landmarks[:, 51] - landmarks[:, 57], axis=1)
    return (np.mean(gaps, axis=0) + outer / 2) / np.linalg.norm(landmarks[:, 36] - landmarks[:, 45], axis=1)


def landmark_distance(landmarks: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return how far the lips' points are from the real ones on average, shape (n,), in real eye distances.

    The centres of the two sets of points are laid upon each other first (Chen et al. 2018, "Lip movements generation at
    a glance", section 4.2): what counts is the shape of the mouth, not its place.
    """
    lips, wanted = landmarks[:, LIPS], real[:, LIPS]
    apart = (lips - lips.mean(1, keepdims=True)) - (wanted - wanted.mean(1, keepdims=True))
    return np.linalg.norm(apart, axis=2).mean(1) / eye_distance(real)


def correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation of two series of one length.

    Raises
    ------
    MetricUnavailableError : one of them is constant, or there are too few frames
    """
    if len(one) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(one)} frames are too few")
    if min(np.std(one), np.std(other)) < 1e-9:
        raise MetricUnavailableError("nothing moves, so there is nothing to correlate")
    return float(np.corrcoef(one, other)[0, 1])


def correlate_beside(one: np.ndarray, other: np.ndarray, known: np.ndarray) -> float:
    """Return the partial correlation of two series: what is left of it when a third, known one is taken out of both."""
    with_other, with_known, known_other = correlate(one, other), correlate(one, known), correlate(other, known)
    return (with_other - with_known * known_other) / np.sqrt((1 - with_known**2) * (1 - known_other**2))


def amplitude_ratio(moved: np.ndarray, real: np.ndarray) -> float:
    """Return how strongly one opening moves beside the real one: the ratio of their standard deviations.

    Raises
    ------
    MetricUnavailableError : the real mouth does not move
    """
    if len(real) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(real)} frames are too few")
    if np.std(real) < STILL:
        raise MetricUnavailableError("the real mouth does not move")
    return float(np.std(moved) / np.std(real))


def _measure_opening(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"mouth_opening": 100 * opening(evidence.landmarks)}


def _measure_beside_real(evidence: ClipView) -> dict[str, np.ndarray | float | MetricUnavailableError]:
    moved, real = opening(evidence.landmarks), opening(evidence.truth.landmarks)
    figures: dict[str, np.ndarray | float | MetricUnavailableError] = {
        "landmark_distance": 100 * landmark_distance(evidence.landmarks, evidence.truth.landmarks)
    }
    for name, compute in (("opening_correlation", correlate), ("opening_amplitude", amplitude_ratio)):
        try:
            figures[name] = compute(moved, real)
        except MetricUnavailableError as reason:
            figures[name] = reason
    if np.std(moved) < STILL:  # what is left is the noise of the landmarks
        figures["opening_correlation"] = MetricUnavailableError("the mouth does not move")
    return figures


_GAP = "gap between the inner lips (points 61-67, 62-66, 63-65 of dlib's 68)"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "mouth_opening",
                "mouth opening",
                "behaviour",
                FRAME,
                NEAR,
                f"{_GAP} over the distance of the eyes' centres; read it as a curve",
                "own; points of iBUG 300-W, Sagonas et al. 2013",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure_opening,
        is_continuous=True,
        is_standard=False,
    ),
    MetricGroup(
        (
            Metric(
                "opening_correlation",
                "opening correlation",
                "behaviour",
                CLIP,
                HIGHER,
                f"Pearson's correlation over time of the {_GAP} with the real clip's",
                "own",
                digits=3,
            ),
            Metric(
                "opening_amplitude",
                "opening amplitude",
                "behaviour",
                CLIP,
                NEAR,
                f"standard deviation over time of the {_GAP} over the real clip's; below 1 is mumbling",
                "own",
                target=1.0,
                digits=3,
            ),
            Metric(
                "landmark_distance",
                "landmark distance",
                "behaviour",
                FRAME,
                LOWER,
                "mean distance of the 20 points of the lips from the real ones, the centres of both sets laid upon "
                "each other, over the distance of the real eyes' centres; rewards mumbling: see docs/metrics.md",
                "Chen et al. 2018, section 4.2 (there in pixels)",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure_beside_real,
        is_continuous=True,
        is_standard=False,
    ),
)
