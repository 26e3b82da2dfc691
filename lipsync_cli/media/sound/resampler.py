"""Sound from one rate to another as it comes: a band-limited filter, a few milliseconds late."""

from __future__ import annotations

from math import ceil, gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LOBES = 12  # of the sinc on either side, at the lower of the two rates
ROOM = 0.94  # of the band up to half the lower rate, that is kept
BETA = 7.0  # of the Kaiser window: what is folded back lies 70 dB below


class Resampler:
    """Brings one channel from one rate to another, piece by piece.

    The filter is a windowed sinc (Smith 2002, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/).

    Parameters
    ----------
    given, wanted : rates in Hz
    """

    def __init__(self, given: int, wanted: int) -> None:
        import numpy as np

        common = gcd(given, wanted)
        self._up, self._down = wanted // common, given // common
        self._is_same = self._up == self._down
        width = max(1.0, given / wanted)  # samples given for each crossing of zero
        self._half = ceil(LOBES * width)
        offsets = np.arange(-self._half + 1, self._half + 1)
        places = offsets[None] - (np.arange(self._up) / self._up)[:, None]  # one row for each phase
        taper = np.i0(BETA * np.sqrt(np.clip(1 - (places / self._half) ** 2, 0, None))) / np.i0(BETA)
        filters = np.sinc(ROOM * places / width) * taper
        self._filters = (filters / filters.sum(1, keepdims=True)).astype(np.float32)
        self._held = np.zeros(self._half - 1, np.float32)  # what comes before the sound is silence
        self._start = -(self._half - 1)  # number of the first sample held
        self._made = 0

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples (n,) float32, and return those at the wanted rate that they complete."""
        import numpy as np

        if self._is_same:
            return samples
        self._held = np.concatenate([self._held, samples])
        last = self._start + len(self._held) - 1 - self._half  # the last sample given beside which enough is there
        count = max(0, ((last + 1) * self._up - 1) // self._down + 1 - self._made)
        numbers = np.arange(self._made, self._made + count, dtype=np.int64)
        whole, phase = np.divmod(numbers * self._down, self._up)
        views = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._half) if count else self._held[:0]
        made = (
            np.einsum("ij,ij->i", views[whole - self._half + 1 - self._start], self._filters[phase])
            if count
            else np.zeros(0, np.float32)
        )
        self._made += count
        done = max(0, self._made * self._down // self._up - self._half + 1 - self._start)
        self._held, self._start = self._held[done:], self._start + done
        return made
