"""The Frechet distance of two sets of features: FID, and its relative on a face recognition network's features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import LOWER, SET, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def frechet_distance(features: np.ndarray, real: np.ndarray) -> float:
    """Compute the squared Frechet distance of the Gaussians that fit two sets of features.

    Parameters
    ----------
    features, real : shape (n, D) and (m, D); one row a picture

    Returns
    -------
    |mean_1 - mean_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)), C with n - 1 in the denominator; 0 for equal sets

    Raises
    ------
    ValueError : the sets are not of one width, or have less than two rows

    Notes
    -----
    Heusel et al. 2017, equation 6; Dowson and Landau 1982. The trace of the root of C_1 C_2 is the sum of the roots of
    the eigenvalues of A C_2 A, where A is the symmetric root of C_1: no matrix that is not symmetric is decomposed, so
    no imaginary part appears.
    """
    if features.ndim != 2 or real.ndim != 2 or features.shape[1] != real.shape[1]:
        raise ValueError(f"two sets of features of one width are needed, not {features.shape} and {real.shape}")
    if min(len(features), len(real)) < 2:
        raise ValueError("a covariance needs two pictures")
    (mean_1, cov_1), (mean_2, cov_2) = (
        (part.mean(0, dtype=np.float64), np.atleast_2d(np.cov(part, rowvar=False, dtype=np.float64)))
        for part in (features, real)
    )
    values, vectors = np.linalg.eigh(cov_1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ cov_2 @ root).clip(0)).sum()
    return max(0.0, float(np.square(mean_1 - mean_2).sum() + np.trace(cov_1) + np.trace(cov_2) - 2 * overlap))


def _combine(parts: Sequence[np.ndarray], real_parts: Sequence[np.ndarray], size: int) -> float:
    features, real = np.concatenate(parts), np.concatenate(real_parts)
    if (number := min(len(features), len(real))) <= size:
        raise MetricUnavailableError(f"{number} pictures: a covariance of {size} features needs more than {size}")
    return frechet_distance(features, real)


def _measure_inception(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"crop_fid": evidence.tools.inception_features(evidence.crops)}


def _measure_dlib(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"crop_frechet_dlib": evidence.embeddings.astype(np.float32)}


_FORMULA = "squared Frechet distance of Gaussians fitted to the features of the drawn and of the real crops"
_HEUSEL = "Heusel et al. 2017, equation 6"

FAMILIES = (
    MetricGroup(
        (
            Metric(
                "crop_fid",
                "FID of the crop",
                "distribution",
                SET,
                LOWER,
                f"{_FORMULA}: 2048 of Inception-v3 with the weights of 2015-12-05, crops enlarged to 299 x 299",
                f"{_HEUSEL}; computed as pytorch-fid does",
                digits=2,
            ),
        ),
        measure=_measure_inception,
        combine=partial(_combine, size=2048),
        is_standard=False,
    ),
    MetricGroup(
        (
            Metric(
                "crop_frechet_dlib",
                "Frechet distance, dlib's face features",
                "distribution",
                SET,
                LOWER,
                f"{_FORMULA}: 128 of dlib's face recognition network, every fifth frame. Not FID",
                f"{_HEUSEL}, on other features",
            ),
        ),
        measure=_measure_dlib,
        combine=partial(_combine, size=128),
        is_standard=False,
    ),
)
