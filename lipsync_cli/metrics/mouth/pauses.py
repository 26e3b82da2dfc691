"""What the mouth does while the voice pauses, and whether it opens with the voice: no reference is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import correlate, opening
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import FRAMES_PER_SECOND, to_levels
from lipsync_cli.speech.vad import band_levels, find_speech

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

BESIDE_S = 0.2  # from speech: so long a mouth takes to close and to get ready
SPAN_S = 0.12  # over which loudness is averaged
MIN_PAUSE = 4  # frames


def find_pauses(mel: np.ndarray, middles: np.ndarray, beside_s: float = BESIDE_S) -> np.ndarray:
    """Tell which frames lie in a pause of the voice.

    Parameters
    ----------
    mel : shape (T, 80), row i centred at i / 80 s
    middles : shape (n,), s, the middle of each frame's time on screen
    beside_s : a frame must be so far from any speech

    Returns
    -------
    shape (n,) bool

    Raises
    ------
    MetricUnavailableError : there is no speech at all
    """
    speech = find_speech(band_levels(to_levels(mel))).speech
    if not speech.any():
        raise MetricUnavailableError("no speech is heard")
    spoken = np.flatnonzero(speech) / FRAMES_PER_SECOND
    place = np.searchsorted(spoken, middles)
    gaps = [np.abs(middles - spoken[np.clip(place - side, 0, len(spoken) - 1)]) for side in (0, 1)]
    return (np.minimum(*gaps) > beside_s) & (middles <= len(mel) / FRAMES_PER_SECOND)


def variance_in_pauses(opened: np.ndarray, frame: np.ndarray, is_pause: np.ndarray) -> float:
    """Return the variance of the mouth's opening within pauses, each pause around its own mean.

    Parameters
    ----------
    opened : shape (n,)
    frame : shape (n,), numbers of the frames, ascending; a gap ends a pause
    is_pause : shape (n,) bool

    Raises
    ------
    MetricUnavailableError : there is no pause of four frames or more
    """
    numbers = np.flatnonzero(is_pause)
    breaks = np.flatnonzero((np.diff(numbers) > 1) | (np.diff(frame[numbers]) > 1)) + 1
    pauses = [opened[part] for part in np.split(numbers, breaks) if len(part) >= MIN_PAUSE]
    if not pauses:
        raise MetricUnavailableError("the voice does not pause long enough")
    squares = sum(float(np.square(pause - pause.mean()).sum()) for pause in pauses)
    return squares / sum(len(pause) - 1 for pause in pauses)


def loudness(mel: np.ndarray, middles: np.ndarray, span_s: float = SPAN_S) -> np.ndarray:
    """Return the mean over all bands of a log-mel around the middles of frames, shape (n,)."""
    total = np.concatenate([[0.0], np.cumsum(mel.mean(1))])
    edges = np.stack([middles - span_s / 2, middles + span_s / 2]) * FRAMES_PER_SECOND + 0.5
    first, last = np.clip(np.round(edges).astype(int), 0, len(mel))
    first = np.minimum(first, len(mel) - 1)
    return (total[np.maximum(last, first + 1)] - total[first]) / (np.maximum(last, first + 1) - first)


def _measure(evidence: ClipView) -> dict[str, float | MetricUnavailableError]:
    opened = opening(evidence.landmarks)
    figures: dict[str, float | MetricUnavailableError] = {}
    try:
        is_pause = find_pauses(evidence.mel, evidence.middles)
        variance = variance_in_pauses(opened, evidence.frame, is_pause)
        figures["silence_leak"] = 100 * float(np.sqrt(variance))
        figures["silence_opening"] = 100 * float(opened[is_pause].mean())
    except MetricUnavailableError as reason:
        figures["silence_leak"] = figures["silence_opening"] = reason
    try:
        figures["opening_loudness"] = correlate(opened, loudness(evidence.mel, evidence.middles))
    except MetricUnavailableError as reason:
        figures["opening_loudness"] = reason
    return figures


_PAUSE = f"frames more than {BESIDE_S:g} s from speech (speech/vad.py)"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "silence_leak",
                "silence leak",
                "behaviour",
                CLIP,
                LOWER,
                f"standard deviation of the mouth opening within pauses of the voice, {_PAUSE}; "
                "compare with the ground truth's, which holds the landmarks' own noise",
                "own",
                unit="%",
                digits=2,
            ),
            Metric(
                "silence_opening",
                "opening in silence",
                "behaviour",
                CLIP,
                NEAR,
                f"mean mouth opening in pauses of the voice, {_PAUSE}: a mouth that hangs open does not leak, but "
                "shows here",
                "own",
                unit="%",
                digits=2,
            ),
            Metric(
                "opening_loudness",
                "opening to loudness",
                "behaviour",
                CLIP,
                NEAR,
                f"Pearson's correlation over time of the mouth opening with the mean log-mel of {SPAN_S:g} s",
                "own",
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        hears=True,
        is_standard=False,
    ),
)
