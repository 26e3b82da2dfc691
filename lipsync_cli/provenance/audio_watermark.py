"""An inaudible mark in the sound of a film, which means: this is synthetic.

A spread-spectrum mark in the short-time magnitude spectrum, after the patchwork method (Steinebach, *Digitale
Wasserzeichen fuer Audiodaten*, 2004). The band from 1 to 7 kHz is cut into bands of 93.75 Hz and the time into cells of
64 ms; each cell is made a little louder or softer. A fixed sign pattern of eight pairs of cells, a louder one always
followed by an equally softer one, says which, and returns every 1.024 s. The detector takes the difference of each
pair, which cancels what is steady in the sound, folds it over the period and correlates it with the pattern at every
shift.

Beside it there can be a second mark above hearing, for sounds with room for it: noise between 15 and 18 kHz that is
there in the cells that the first mark makes louder, by a pattern of its own, and missing in the others. It is found in
the same way. Unlike the first it does not follow the sound, and lossy codes keep it only if they keep that band.

The pattern is in this file, so that everybody can look for the mark; whoever wants to can also take it out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.media.sound.audio import SPEECH_RATE, read_speech_blocks

if TYPE_CHECKING:
    import numpy as np

KEY = 0x6C697073  # of the pattern that means "synthetic"
LOWEST_HZ, BAND_HZ, NUM_BANDS = 1000.0, 93.75, 64
CELL_S, NUM_PAIRS = 0.064, 8
PERIOD_S = 2 * NUM_PAIRS * CELL_S
STRENGTH_DB = 0.7  # by so much a cell is louder or softer
WINDOW, HOP = 512, 128  # samples at 16 kHz that the detector looks at, and the step
STEPS_PER_CELL = round(CELL_S * SPEECH_RATE / HOP)
NUM_SHIFTS = 2 * NUM_PAIRS * STEPS_PER_CELL
CLIP_DB = 6.0  # a difference beyond this is an onset of the speech, not the mark
FALSE_ALARM = 1e-6
HIGH_RATE = 44_100  # samples a second that a sound with it has at least
HIGH_DB = -60.0  # of full scale, root mean square of the mark above hearing
_NOISE_SEED = 7


@dataclass(frozen=True)
class Band:
    """Where in the spectrum a mark is looked for.

    Attributes
    ----------
    lowest_hz : its lower end
    num_bands : of 93.75 Hz each
    sample_rate : at which the sound is looked at, a multiple of 16 kHz
    key : of its pattern
    """

    lowest_hz: float
    num_bands: int
    sample_rate: int
    key: int


SPEECH_BAND = Band(LOWEST_HZ, NUM_BANDS, SPEECH_RATE, KEY)
HIGH_BAND = Band(15_000.0, 32, 48_000, 0x68696768)


@functools.cache
def pattern(key: int = KEY) -> np.ndarray:
    """Return the signs (NUM_PAIRS, NUM_BANDS) of the first cells of the pairs."""
    import numpy as np

    bits = np.random.Generator(np.random.PCG64(key)).integers(0, 2, (NUM_PAIRS, NUM_BANDS))
    return (2 * bits - 1).astype(np.float32)


def threshold(false_alarm: float = FALSE_ALARM) -> float:
    """Return the score above which a sound counts as marked.

    For any sound that does not know the pattern the score at one shift is a sum of terms with random signs over the
    root of their squares, so Hoeffding's inequality holds: P(score > t) <= exp(-t^2 / 2), times the number of shifts.
    """
    return math.sqrt(2 * math.log(NUM_SHIFTS / false_alarm))


def mark(
    blocks: Iterable[np.ndarray], sample_rate: int, strength_db: float = STRENGTH_DB, high_db: float | None = None
) -> Iterator[np.ndarray]:
    """Put the mark into a sound, in constant memory.

    Parameters
    ----------
    blocks : pieces (n, channels) float32 of the sound; the channels get the same mark
    sample_rate : in Hz
    strength_db : by how much a cell becomes louder or softer
    high_db : level of the mark above hearing, in dB of full scale; None: there is none

    Yields
    ------
    pieces (n, channels) float32; together as many samples as were given, none of them delayed

    Raises
    ------
    ValueError : a mark above hearing is wanted, and the sample rate has no room for it
    """
    import numpy as np

    hop = round(0.016 * sample_rate)
    gains = (10 ** (strength_db / 20 * _signs(SPEECH_BAND, hop, sample_rate))).astype(np.float32)
    if high_db is None:
        yield from _shape(blocks, hop, sample_rate, gains[:, :, None])
        return
    if not has_high_room(sample_rate):
        raise ValueError(f"{sample_rate} Hz has no room above {HIGH_BAND.lowest_hz:g} Hz")
    high = _signs(HIGH_BAND, hop, sample_rate) > 0
    level = 10 ** (high_db / 20) * (sample_rate / 2 / (BAND_HZ * HIGH_BAND.num_bands) * 2) ** 0.5
    noise = np.random.Generator(np.random.PCG64(_NOISE_SEED))
    channels = 0

    def with_noise() -> Iterator[np.ndarray]:
        nonlocal channels
        for block in blocks:
            channels = block.shape[1]
            yield np.concatenate([block, noise.normal(0, level, (len(block), 1)).astype(np.float32)], axis=1)

    for piece in _shape(with_noise(), hop, sample_rate, np.stack([gains, high], axis=2)):
        yield piece[:, :channels] + piece[:, channels:]


def has_high_room(sample_rate: int) -> bool:
    """Tell whether a sound of this sample rate, in Hz, has room for the mark above hearing."""
    return sample_rate / 2 >= HIGH_BAND.lowest_hz + BAND_HZ * HIGH_BAND.num_bands


def _signs(band: Band, hop: int, sample_rate: int) -> np.ndarray:
    """Return what each cell's sign is at each frequency: (2 NUM_PAIRS, hop + 1) of -1, 0 (outside the band) and 1."""
    import numpy as np

    frequencies = np.arange(hop + 1) * sample_rate / (2 * hop)
    number = np.floor((frequencies - band.lowest_hz) / BAND_HZ).astype(int)
    inside = (number >= 0) & (number < band.num_bands)
    signs = np.repeat(pattern(band.key), 2, axis=0) * np.tile([1, -1], NUM_PAIRS)[:, None]
    found = np.zeros((2 * NUM_PAIRS, hop + 1))
    found[:, inside] = signs[:, number[inside]]
    return found


def _shape(blocks: Iterable[np.ndarray], hop: int, sample_rate: int, gains: np.ndarray) -> Iterator[np.ndarray]:
    """Give pieces of a sound whose cells are multiplied by gains (2 NUM_PAIRS, hop + 1, 1 or 2).

    The last of two gains is that of the last channel, the first one that of all others.
    """
    import numpy as np

    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)[:, None]
    waiting: np.ndarray | None = None  # given, but not yet under a whole window
    tail: np.ndarray | None = None  # second half of the last window's result
    number, num_given, num_made = 0, 0, 0

    def advance(final: bool) -> Iterator[np.ndarray]:
        nonlocal waiting, tail, number, num_made
        assert waiting is not None
        assert tail is not None
        count = len(waiting) // hop - 1
        pieces = []
        for index in range(count):
            spectrum = np.fft.rfft(waiting[index * hop : (index + 2) * hop] * window, axis=0)
            gain = gains[int((number * hop / sample_rate) / CELL_S) % (2 * NUM_PAIRS)]
            if gain.shape[1] == 2:
                gain = gain[:, [0] * (spectrum.shape[1] - 1) + [1]]
            wave = (np.fft.irfft(spectrum * gain, 2 * hop, axis=0) * window).astype(np.float32)
            pieces.append(tail + wave[:hop])
            tail = wave[hop:]
            number += 1
        if count > 0:
            waiting = waiting[count * hop :]
            made = np.concatenate(pieces)
            start = hop if num_made == 0 else 0  # the first half window lies before the sound
            num_made += len(made)
            excess = num_made - hop - num_given if final else 0
            yield made[start : len(made) - max(0, excess)]

    for block in blocks:
        if waiting is None:
            waiting, tail = np.zeros((hop, block.shape[1]), np.float32), np.zeros((hop, block.shape[1]), np.float32)
        num_given += len(block)
        waiting = np.concatenate([waiting, block])
        yield from advance(False)
    if waiting is not None:
        rest = num_given + hop - num_made
        missing = -(-rest // hop) * hop + hop - len(waiting)
        waiting = np.concatenate([waiting, np.zeros((max(0, missing), waiting.shape[1]), np.float32)])
        yield from advance(True)


@dataclass(frozen=True)
class SoundMark:
    """What the detector found.

    Attributes
    ----------
    score : how well the sound follows the pattern, in standard deviations of one that does not
    threshold : `found` is whether the score exceeds it
    duration_s : length of the sound
    """

    score: float
    threshold: float
    duration_s: float

    @property
    def found(self) -> bool:
        """Whether the mark is in the sound."""
        return self.score > self.threshold


def find_mark(path: str | Path, band: Band = SPEECH_BAND) -> SoundMark:
    """Look for a mark in the sound of a file, in constant memory; InputError if it cannot be read or has none."""
    return detect(read_speech_blocks(path, band.sample_rate), band)


def detect(blocks: Iterable[np.ndarray], band: Band = SPEECH_BAND) -> SoundMark:
    """Look for a mark in pieces (n,) of a sound at the band's sample rate."""
    folded, num_samples = fold(blocks, band)
    return SoundMark(score(folded, band.key), threshold(), num_samples / band.sample_rate)


def fold(blocks: Iterable[np.ndarray], band: Band = SPEECH_BAND) -> tuple[np.ndarray, int]:
    """Return the differences of neighbouring cells, (NUM_SHIFTS, bands) summed over the periods, and the length."""
    import numpy as np

    times = band.sample_rate // SPEECH_RATE
    window_size, hop = WINDOW * times, HOP * times
    folded = np.zeros((NUM_SHIFTS, band.num_bands))
    window = np.hanning(window_size).astype(np.float32)
    first = round(band.lowest_hz * WINDOW / SPEECH_RATE)
    bins = round(BAND_HZ * WINDOW / SPEECH_RATE)
    samples, levels, step, num_samples = np.zeros(0, np.float32), np.zeros((0, band.num_bands), np.float32), 0, 0
    for block in blocks:
        num_samples += len(block)
        samples = np.concatenate([samples, block])
        count = (len(samples) - window_size) // hop + 1
        if count <= 0:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(samples, window_size)[: count * hop : hop]
        spectrum = np.abs(np.fft.rfft(frames * window, axis=1)[:, first : first + bins * band.num_bands]) ** 2
        samples = samples[count * hop :]
        level = 10 * np.log10(spectrum + 1e-7).reshape(count, band.num_bands, bins).mean(2)
        levels = np.concatenate([levels, level])
        sums = np.cumsum(np.concatenate([np.zeros((1, band.num_bands)), levels]), axis=0)
        cells = (sums[STEPS_PER_CELL:] - sums[:-STEPS_PER_CELL]) / STEPS_PER_CELL
        change = cells[:-STEPS_PER_CELL] - cells[STEPS_PER_CELL:]
        if len(change) <= 0:
            continue
        change = np.clip(change - _neighbours(change), -CLIP_DB, CLIP_DB)
        np.add.at(folded, (step + np.arange(len(change))) % NUM_SHIFTS, change)
        levels = levels[len(change) :]
        step += len(change)
    return folded, num_samples


def _neighbours(change: np.ndarray) -> np.ndarray:
    """Return the mean over nine bands around each, which is the speech growing louder or softer."""
    import numpy as np

    sums = np.cumsum(np.pad(change, ((0, 0), (5, 4)), mode="edge"), axis=1)
    return (sums[:, 9:] - sums[:, :-9]) / 9


def score(folded: np.ndarray, key: int = KEY) -> float:
    """Return the largest normalised correlation of the folded differences with the pattern, over all shifts."""
    import numpy as np

    signs = pattern(key)[:, : folded.shape[1]]
    pairs = np.arange(NUM_PAIRS) * 2 * STEPS_PER_CELL
    best = 0.0
    for shift in range(NUM_SHIFTS):
        values = folded[(shift + pairs) % NUM_SHIFTS]
        norm = float(np.sqrt((values**2).sum()))
        if norm > 0:
            best = max(best, float((values * signs).sum()) / norm)
    return best
