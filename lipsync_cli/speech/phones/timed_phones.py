"""When each sound is said, and what a network sees of that, 50 times a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.speech.phones.ipa import FEATURES, SILENCE, Phone, closes_lips, describe
from lipsync_cli.speech.speech_features import RATE

if TYPE_CHECKING:
    import numpy as np

NEIGHBOURS = 2  # sounds before and after that are seen beside the one that is said
CLOSED_GAP_S = 0.03  # a pause that is shorter belongs to the sound before it
PAUSE_S = 1.0  # longer pauses count as so long
USUAL_S = 0.1  # length of a sound about which lengths are measured
FAR_S = 0.3  # nearer ends of a sound are told in seconds
PRESSED_S = 0.02, 0.04  # before and after the middle of p, b and m for which the lips touch: at least, and at most
PARTING_S = 0.04  # that the lips take to close and to open

_NUM_EACH = len(FEATURES) + 1  # of a sound, with its length
WIDTH = (2 * NEIGHBOURS + 1) * _NUM_EACH + 4  # numbers of a frame


class TimedPhone(NamedTuple):
    """A speech sound and when it is said.

    Attributes
    ----------
    symbol : of the International Phonetic Alphabet
    start_s, end_s : seconds from the beginning
    stress : of its syllable, see `ipa.Phone`
    """

    symbol: str
    start_s: float
    end_s: float
    stress: float = 0.0


def spread(phones: Sequence[Phone], start_s: float, end_s: float) -> list[TimedPhone]:
    """Spread sounds over a time by their usual lengths."""
    total = sum(phone.weight for phone in phones)
    timed = []
    for phone in phones:
        length = (end_s - start_s) * phone.weight / total if total else 0.0
        timed.append(TimedPhone(phone.symbol, start_s, start_s + length, phone.stress))
        start_s, total = start_s + length, total - phone.weight
    return timed


def lip_closure(phones: Iterable[TimedPhone], middles_s: np.ndarray) -> np.ndarray:
    """Return how far both lips are pressed together at some moments for p, b and m: (n,) float32, 0 ... 1.

    A network that is taught the mean of what it saw leaves them apart; viseme models set these sounds as constraints
    (Cohen and Massaro 1993, "Modeling coarticulation in synthetic visual speech": dominance of the lips in stops).
    """
    import numpy as np

    middles = np.asarray(middles_s, np.float64)
    closed = np.zeros(len(middles))
    for phone in phones:
        if closes_lips(phone.symbol):
            pressed_s = np.clip((phone.end_s - phone.start_s) / 2, *PRESSED_S)
            beside_s = np.abs(middles - (phone.start_s + phone.end_s) / 2) - pressed_s
            closed = np.maximum(closed, np.clip(1 - beside_s / PARTING_S, 0, 1))
    return closed.astype(np.float32)


def describe_frames(phones: Iterable[TimedPhone], first: int, stop: int) -> np.ndarray:
    """Describe what is said at the moments k / 50 s for k from `first` to `stop - 1`; outside all sounds is silence.

    Parameters
    ----------
    phones : in order; pauses lie where there are none

    Returns
    -------
    shape (stop - first, WIDTH), float32: features and length of two sounds before, of the one that is said, and of two
    after; how far it has come, 0 ... 1; how long ago it began and how soon it ends; its stress
    """
    import numpy as np

    rows = _with_pauses(list(phones))
    starts = np.array([row.start_s for row in rows])
    ends = np.array([row.end_s for row in rows])
    lengths = np.clip(ends - starts, 0.01, PAUSE_S)
    each = np.zeros((len(rows) + 2 * NEIGHBOURS, _NUM_EACH), np.float32)
    each[:, :-1] = describe(SILENCE)
    each[:, -1] = np.log(PAUSE_S / USUAL_S)
    each[NEIGHBOURS:-NEIGHBOURS, :-1] = [describe(row.symbol) for row in rows]
    each[NEIGHBOURS:-NEIGHBOURS, -1] = np.log(lengths / USUAL_S)
    times = np.arange(first, stop) / RATE
    said = np.clip(np.searchsorted(starts, times + 1e-6, side="right") - 1, 0, len(rows) - 1)
    since, left = times - starts[said], ends[said] - times
    frames = np.empty((len(times), WIDTH), np.float32)
    frames[:, :-4] = each[said[:, None] + np.arange(2 * NEIGHBOURS + 1)].reshape(len(times), -1)
    frames[:, -4] = np.clip(since / np.maximum(since + left, 1e-3), 0, 1)
    frames[:, -3] = np.clip(since, 0, FAR_S) / FAR_S
    frames[:, -2] = np.clip(left, 0, FAR_S) / FAR_S
    frames[:, -1] = np.array([row.stress for row in rows], np.float32)[said]
    return frames


def _with_pauses(phones: list[TimedPhone]) -> list[TimedPhone]:
    """Put pauses between sounds, before the first and after the last."""
    far = 1e6
    rows = [TimedPhone(SILENCE, -far, phones[0].start_s if phones else far)]
    for phone in phones:
        last = rows[-1]
        if phone.start_s - last.end_s > CLOSED_GAP_S:
            rows.append(TimedPhone(SILENCE, last.end_s, phone.start_s))
        elif len(rows) > 1:
            rows[-1] = last._replace(end_s=phone.start_s)
        rows.append(phone)
    if phones:
        rows.append(TimedPhone(SILENCE, rows[-1].end_s, far))
    return rows
