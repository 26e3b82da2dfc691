"""Whether it is still the same person: distances of a face recognition network's embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, FRAME, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def identity_distance(embeddings: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Measure how far each face is from the person it should be.

    Parameters
    ----------
    embeddings : shape (n, D), of the faces
    source : shape (m, D), of pictures of the person, whose mean counts

    Returns
    -------
    shape (n,), Euclidean; dlib's authors take two faces for one person below 0.6
    """
    return np.linalg.norm(embeddings - source.mean(0), axis=1)


def average_content_distance(embeddings: np.ndarray) -> float:
    """Measure how much a face changes within a clip: the mean Euclidean distance of all pairs of its frames.

    Parameters
    ----------
    embeddings : shape (n, D), n at least 2

    Notes
    -----
    ACD-I of Tulyakov et al. 2018 (MoCoGAN), section 4. Their embeddings are OpenFace's; figures of two networks cannot
    be compared. A still face scores 0, so this alone says nothing.
    """
    if len(embeddings) < 2:
        raise ValueError("a distance needs two frames")
    one, other = np.triu_indices(len(embeddings), 1)
    return float(np.linalg.norm(embeddings[one] - embeddings[other], axis=1).mean())


def _measure_distance(evidence: ClipView) -> dict[str, np.ndarray]:
    figures = np.full(len(evidence), np.nan)
    figures[evidence.embedded] = identity_distance(evidence.embeddings, evidence.source_embeddings)
    return {"identity_dlib": figures}


def _measure_content(evidence: ClipView) -> dict[str, float]:
    if len(evidence.embedded) < 2:
        raise MetricUnavailableError("a distance within the clip needs two frames")
    return {"acd_dlib": average_content_distance(evidence.embeddings)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "identity_dlib",
                "distance to the person",
                "identity",
                FRAME,
                LOWER,
                "Euclidean distance of dlib's embedding of the face to the mean embedding of the source, every fifth "
                "frame; below 0.6 it is one person",
                "King 2017 (dlib 19.4)",
            ),
        ),
        measure=_measure_distance,
        is_standard=False,
    ),
    MetricGroup(
        (
            Metric(
                "acd_dlib",
                "average content distance",
                "identity",
                CLIP,
                NEAR,
                "mean Euclidean distance of dlib's embeddings over all pairs of frames of a clip, every fifth frame",
                "Tulyakov et al. 2018, section 4 (ACD-I)",
            ),
        ),
        measure=_measure_content,
        is_continuous=True,
        is_standard=False,
    ),
)
