"""Whether the mouth opens on vowels and closes on p, b, m, f and v: the contrast that makes speech readable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, HIGHER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import STILL, opening
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.phonemes import CLOSED, VOWELS, Phone, spread_phones

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.speech.transcript import Word


def phones_of(words: Sequence[Word]) -> list[Phone]:
    """Give the sounds of a transcript and about when each is said.

    Raises
    ------
    MetricUnavailableError : a word is not one of GRID's 51
    """
    try:
        return spread_phones(words)
    except KeyError as error:
        raise MetricUnavailableError(f"{error.args[0]!r} is no word of GRID") from error


def in_phones(times: np.ndarray, phones: Sequence[Phone], symbols: Collection[str]) -> np.ndarray:
    """Tell at which times one of some sounds is said, shape (n,) bool.

    Parameters
    ----------
    times : shape (n,), s, on the clock of the phones
    symbols : of the sounds that count
    """
    said = np.zeros(len(times), bool)
    for phone in phones:
        if phone.symbol in symbols:
            said |= (times >= phone.start_s) & (times < phone.end_s)
    return said


def open_closed_contrast(
    opened: np.ndarray,
    times: np.ndarray,
    phones: Sequence[Phone],
    open_symbols: Collection[str] = VOWELS,
    closed_symbols: Collection[str] = CLOSED,
) -> float:
    """Return the mean opening on vowels over the mean opening on p, b, m, f and v.

    Parameters
    ----------
    opened : shape (n,), gap of the inner lips, in eye distances; NaN: no face
    times : shape (n,), s, when each frame is shown, on the clock of the phones
    phones : what is said when, of `spread_phones`

    Returns
    -------
    0 or more, no unit; 1: no contrast. What is below the landmarks' noise counts as that noise

    Raises
    ------
    MetricUnavailableError : no vowel or none of the closed sounds is said while a face is seen

    Source
    ------
    Alapon, a repair of SyncTalk_2D (2026), open/closed contrast, there of the vowels a and o over p, b and m
    """
    known = ~np.isnan(opened)
    is_open = in_phones(times, phones, open_symbols) & known
    is_closed = in_phones(times, phones, closed_symbols) & known
    if not is_open.any() or not is_closed.any():
        raise MetricUnavailableError(f"{'no vowel' if not is_open.any() else 'no p, b, m, f or v'} is seen")
    return float(opened[is_open].mean() / max(float(opened[is_closed].mean()), STILL))


def _measure(evidence: ClipView) -> dict[str, float | MetricUnavailableError]:
    phones = phones_of(evidence.words)
    figures: dict[str, float | MetricUnavailableError] = {}
    made = open_closed_contrast(opening(evidence.landmarks), evidence.middles, phones)
    figures["open_closed_contrast"] = made
    try:
        real = open_closed_contrast(opening(evidence.truth.landmarks), evidence.middles, phones)
        figures["contrast_ratio"] = made / real
    except MetricUnavailableError as reason:
        figures["contrast_ratio"] = reason
    return figures


_SOURCE = "Alapon, a repair of SyncTalk_2D (2026), open/closed contrast; here of all vowels over p, b, m, f, v"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "open_closed_contrast",
                "open-to-closed contrast",
                "words",
                CLIP,
                NEAR,
                "mean gap of the inner lips on vowels over that on p, b, m, f and v; words from the transcript, their "
                "sounds spread over them by a table; 1: none",
                _SOURCE,
                digits=2,
            ),
            Metric(
                "contrast_ratio",
                "contrast over the real one's",
                "words",
                CLIP,
                HIGHER,
                "the open-to-closed contrast over that of the real clip",
                _SOURCE,
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
