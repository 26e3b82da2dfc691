"""Where a recording holds speech and where it pauses, whatever its loudness and its background noise.

The measure is the long-term spectral divergence of Ramírez, Segura, Benítez, de la Torre, Rubio 2004 ("Efficient voice
activity detection algorithms using long-term speech information", Speech Communication 42): how far the spectral
envelope of some neighbouring frames stands above the noise. The noise in each band is followed by its minima over some
seconds (Martin 2001, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE
Trans. SAP 9(5)), and a lower threshold keeps speech going than the one that starts it (Rabiner and Sambur 1975).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipsync_cli.speech.mel import FRAMES_PER_SECOND, LOWEST_DB

if TYPE_CHECKING:
    import numpy as np

NUM_BANDS = 8

_EDGE = 2  # frames at both ends that reach beyond the recording and look quieter than it is
_ENVELOPE = 3  # frames on either side whose largest level counts: 37.5 ms
_SMOOTHING = 5  # frames that are averaged before a minimum is taken
_NOISE_BLOCK = FRAMES_PER_SECOND // 2  # frames of which one minimum is taken
_NOISE_REACH = 10  # blocks on either side whose minima count: 5 s
_NOISE_BIAS_DB = 2.0  # a minimum lies below the mean
_START_DB, _KEEP_DB = 7.0, 4.0  # divergence that starts speech and that keeps it going
_RANGE_DB = 28.0, 32.0  # below the voice's own level nothing starts, or keeps going
_FLAT_DB, _FLAT_BELOW_DB = 6.0, 16.0  # what varies so little, so far below the voice's own level, is noise
_FLAT = round(0.4 * FRAMES_PER_SECOND)  # frames for which it must
_QUIETEST_DB = -100.0  # about 60 dB below a usual voice: what is below is no speech
_SHORTEST = round(0.05 * FRAMES_PER_SECOND)  # frames; shorter sounds are clicks
_CLOSURE = round(0.25 * FRAMES_PER_SECOND)  # frames; shorter pauses belong to the speech: the closure of a p
_BREATH = round(0.8 * FRAMES_PER_SECOND)  # frames before speech in which breath is drawn for it
_HELD = round(0.2 * FRAMES_PER_SECOND)  # frames; so long it may be held, before the speech or on the way
_SHORTEST_BREATH = round(0.1 * FRAMES_PER_SECOND)  # frames; shorter sounds are clicks of the lips


@dataclass(frozen=True)
class Activity:
    """What `find_speech` found.

    Attributes
    ----------
    speech : shape (T,) bool, one for each mel frame
    level_db : mean level of the frames with speech, in dB of the mel filters' output; None: there is no speech
    breath : shape (T,) bool, breath that is heard to be drawn before speech, 30 dB and more below it; held breath
        between the two, too
    """

    speech: np.ndarray
    level_db: float | None
    breath: np.ndarray


def band_levels(levels_db: np.ndarray) -> np.ndarray:
    """Sum mel bands up to the few that `find_speech` looks at.

    Parameters
    ----------
    levels_db : shape (T, n_mels), from `mel_levels`

    Returns
    -------
    shape (T, 8) float32, dB
    """
    import numpy as np

    power = np.maximum(10.0 ** (np.asarray(levels_db, np.float64) / 10), 10 ** (LOWEST_DB / 10))
    edges = np.linspace(0, power.shape[1], NUM_BANDS + 1).astype(int)
    summed = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    return (10 * np.log10(summed)).astype(np.float32)


def find_speech(bands_db: np.ndarray) -> Activity:
    """Tell speech from pauses.

    Parameters
    ----------
    bands_db : shape (T, 8), from `band_levels`
    """
    import numpy as np

    nothing = np.zeros(len(bands_db), bool)
    if len(bands_db) < _SHORTEST + 2 * _EDGE:
        return Activity(nothing, None, nothing)
    bands = np.pad(np.asarray(bands_db, np.float64)[_EDGE:-_EDGE], ((_EDGE, _EDGE), (0, 0)), mode="edge")
    level = _loudness(bands)
    divergence = _divergence(bands)
    loud = (divergence > _START_DB) & (level > _QUIETEST_DB)
    if not loud.any():
        return Activity(nothing, None, nothing)
    own = _mean_db(level[loud & (level > level[loud].max() - _RANGE_DB[0])])
    varied = ~_flat(bands) | (level > own - _FLAT_BELOW_DB)
    start = loud & varied & (level > own - _RANGE_DB[0])
    keep = (divergence > _KEEP_DB) & varied & (level > own - _RANGE_DB[1])
    speech = _grow(start, keep)
    speech = _without_short(speech, True, _SHORTEST)
    if not speech.any():
        return Activity(nothing, None, nothing)
    own = _mean_db(level[speech & (level > own - _RANGE_DB[0])])
    speech = _without_short(speech, False, _CLOSURE)
    heard = _grow((divergence > _START_DB) & (level > _QUIETEST_DB), divergence > _KEEP_DB)
    return Activity(speech, own, _breath_before(speech, _without_short(heard, True, _SHORTEST_BREATH)))


def fill_last_pause(speech: np.ndarray) -> np.ndarray:
    """Return speech (T,) bool, of a sound that goes on: its last pause counts as speech while it may be a closure."""
    import numpy as np

    spoken = np.flatnonzero(speech)
    if not len(spoken) or len(speech) - 1 - spoken[-1] >= _CLOSURE:
        return speech
    filled = speech.copy()
    filled[spoken[-1] :] = True
    return filled


def fade(speech: np.ndarray, rise: int, fall: int, around: int = 0) -> np.ndarray:
    """Return how much of the speech is to be heard, shape (T,) float32: 1 in speech, 0 in pauses, soft in between.

    The ramps are raised cosines and lie in the pauses, from `around` frames beside the speech; they take `rise` frames
    before it and `fall` frames after it.
    """
    import numpy as np

    frames, spoken = np.arange(len(speech)), np.flatnonzero(speech)
    if not len(spoken):
        return np.zeros(len(speech), np.float32)
    place = np.searchsorted(spoken, frames)
    until = spoken[np.minimum(place, len(spoken) - 1)] - frames
    since = frames - spoken[np.maximum(place - 1, 0)]
    until, since = np.where(until < 0, len(speech), until), np.where(since < 0, len(speech), since)
    phase = np.minimum((until - around) / (rise + 1), (since - around) / (fall + 1))
    return (0.5 + 0.5 * np.cos(np.pi * np.clip(np.where(speech, 0, phase), 0, 1))).astype(np.float32)


def _loudness(bands_db: np.ndarray) -> np.ndarray:
    """Return the level of all bands together, shape (T,), dB."""
    import numpy as np

    return 10 * np.log10((10 ** (bands_db / 10)).mean(1))


def _mean_db(levels_db: np.ndarray) -> float:
    import numpy as np

    return float(10 * np.log10((10 ** (levels_db / 10)).mean()))


def _divergence(bands_db: np.ndarray) -> np.ndarray:
    """Return the long-term spectral divergence of every frame, shape (T,), dB."""
    import numpy as np

    padded = np.pad(bands_db, ((_ENVELOPE, _ENVELOPE), (0, 0)), mode="edge")
    envelope = np.lib.stride_tricks.sliding_window_view(padded, 2 * _ENVELOPE + 1, axis=0).max(-1)
    ratio = 10 ** ((envelope - _noise(bands_db)) / 10)
    return 10 * np.log10(ratio.mean(1))


def _noise(bands_db: np.ndarray) -> np.ndarray:
    """Return the level of the noise in every band at every frame, shape (T, 8), dB."""
    import numpy as np

    smooth = _smooth(bands_db)
    starts = np.arange(0, len(smooth), _NOISE_BLOCK)
    minima = np.minimum.reduceat(smooth, starts, axis=0)
    padded = np.pad(minima, ((_NOISE_REACH, _NOISE_REACH), (0, 0)), mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NOISE_REACH + 1, axis=0).min(-1)
    lowest_db = np.maximum(10 * np.log10(lowest) + _NOISE_BIAS_DB, _QUIETEST_DB)
    index, middles = np.arange(len(bands_db)), starts + _NOISE_BLOCK / 2
    return np.stack([np.interp(index, middles, band) for band in lowest_db.T], axis=1)


def _flat(bands_db: np.ndarray) -> np.ndarray:
    """Tell which frames lie in a stretch of hardly changing level, as steady noise has it, shape (T,) bool."""
    import numpy as np

    if len(bands_db) < _FLAT:
        return np.zeros(len(bands_db), bool)
    stretches = np.lib.stride_tricks.sliding_window_view(10 * np.log10(_smooth(bands_db).mean(1)), _FLAT)
    steady = np.pad(stretches.max(1) - stretches.min(1) < _FLAT_DB, (_FLAT - 1, _FLAT - 1))
    return np.lib.stride_tricks.sliding_window_view(steady, _FLAT).max(1)


def _smooth(bands_db: np.ndarray) -> np.ndarray:
    """Return the power in each band, averaged over some frames, shape (T, 8)."""
    import numpy as np

    power = np.pad(10 ** (bands_db / 10), ((_SMOOTHING // 2, _SMOOTHING // 2), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(power, _SMOOTHING, axis=0).mean(-1)


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends of the runs of True."""
    import numpy as np

    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _grow(start: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Return the runs of `keep` that hold a frame of `start`."""
    import numpy as np

    both = keep | start
    grown = np.zeros_like(both)
    counts = np.concatenate([[0], np.cumsum(start)])
    for first, last in zip(*_runs(both), strict=True):
        grown[first:last] = counts[last] > counts[first]
    return grown


def _breath_before(speech: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return the frames before each run of speech, back to where nothing has been heard for a while."""
    import numpy as np

    breath = np.zeros_like(speech)
    for first in _runs(speech)[0]:
        since = first
        sounds = np.flatnonzero(heard[max(0, first - _BREATH) : first] & ~speech[max(0, first - _BREATH) : first])
        for frame in sounds[::-1] + max(0, first - _BREATH):
            if since - frame > _HELD:
                break
            since = frame
        breath[since:first] = True
    return breath & ~speech


def _without_short(mask: np.ndarray, value: bool, shortest: int) -> np.ndarray:
    """Turn runs of `value` over that are shorter than `shortest` frames; pauses at the two ends stay."""
    changed = mask.copy()
    for first, last in zip(*_runs(mask == value), strict=True):
        if last - first < shortest and (value or (first > 0 and last < len(mask))):
            changed[first:last] = not value
    return changed
