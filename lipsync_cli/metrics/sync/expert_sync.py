"""Sync as the project's own expert sees it: offset, confidence, distance, right and mismatched pairs of one clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.datasets.frame_table import MIN_GAP
from lipsync_cli.metrics.metric import CLIP, FRAME, HIGHER, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.sync_embeddings import Embeddings, find_offset
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.metrics.metric import Figure


def accuracy_of_pairs(clip: Embeddings, limit: float) -> float:
    """Say how often an expert is right about a clip's pairs of picture and sound.

    Parameters
    ----------
    clip : with at least two windows 6 or more frames apart
    limit : pairs nearer than this count as in sync

    Returns
    -------
    the mean of two shares: of the right pairs that are taken for in sync, and of all mismatched pairs (6 or more frames
    apart) that are not; chance is 0.5

    Raises
    ------
    MetricUnavailableError : the clip has no mismatched pair
    """
    apart = np.abs(clip.place[:, None] - clip.place[None]) >= MIN_GAP
    if not apart.any():
        raise MetricUnavailableError(f"no two windows are {MIN_GAP} frames apart")
    near = 2 - 2 * clip.faces @ clip.speech.T < limit**2  # squared distance of unit vectors
    return float((np.diagonal(near).mean() + 1 - near[apart].mean()) / 2)


def gaps(clip: Embeddings, frame: np.ndarray) -> np.ndarray:
    """Compute the distance of each picture and its own sound: shape (n,), NaN for frames that no window centres on."""
    found = np.full(len(frame), np.nan)
    found[np.searchsorted(frame, clip.place)] = np.sqrt(np.square(clip.faces - clip.speech).sum(1))
    return found


def _measure(evidence: ClipView) -> dict[str, Figure]:
    clip = evidence.sync
    if not len(clip.place):
        raise MetricUnavailableError("no five consecutive frames with a face")
    sync = find_offset(clip, evidence.fps)
    try:
        pairs: Figure = 100 * accuracy_of_pairs(clip, evidence.tools.expert(evidence.rule).limit())
    except MetricUnavailableError as reason:
        pairs = reason
    return {
        "sync_offset": float(sync.offset),
        "sync_offset_ms": sync.offset_ms,
        "sync_confidence": sync.confidence,
        "sync_distance": sync.distance,
        "sync_pairs": pairs,
        "sync_gap": gaps(clip, evidence.frame),
    }


_SYNCNET = "Chung and Zisserman 2016, section 3.2, with the expert of `lipsync train --recipe sync-expert`"
_CURVE = "the curve: mean distance of pictures and sounds at shifts of -15 ... 15 frames, over what overlaps"

FAMILIES = (
    MetricGroup(
        (
            Metric(
                "sync_offset", "Sync offset", "sync", CLIP, NEAR,
                f"the shift at which the curve is lowest; above zero: the sound comes early; {_CURVE}",
                _SYNCNET, unit="frames", target=0.0, digits=2,
            ),
            Metric(
                "sync_offset_ms", "Sync offset", "sync", CLIP, NEAR, "the same in ms",
                _SYNCNET, unit="ms", target=0.0, digits=0,
            ),
            Metric(
                "sync_confidence", "Sync confidence", "sync", CLIP, HIGHER,
                "the curve's median minus its minimum; near zero: nothing is in sync with anything", _SYNCNET,
            ),
            Metric(
                "sync_distance", "Sync distance", "sync", CLIP, LOWER,
                "the curve's minimum; between unit vectors, so in [0, 2]", _SYNCNET,
            ),
            Metric(
                "sync_pairs", "Sync pairs told apart", "sync", CLIP, HIGHER,
                "mean of two shares: windows whose own sound is accepted, and windows whose sounds 6 or more "
                "frames away are refused; chance is 50 %",
                "Prajwal et al. 2020, section 3.1: accuracy of the expert",
                unit="%", digits=1,
            ),
            Metric(
                "sync_gap", "Sync gap", "sync", FRAME, LOWER,
                "distance of each five pictures and their own sound, at no shift", _SYNCNET,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        hears=True,
    ),
)  # fmt: skip
