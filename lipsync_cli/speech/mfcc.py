"""Mel-frequency cepstral coefficients as SyncNet hears them: 13 coefficients, 100 times a second.

The definition is that of python_speech_features 0.6 with its defaults: pre-emphasis 0.97, windows of 25 ms without a
taper, 512 points, 26 triangular filters from 0 Hz to half the sample rate with edges on whole bins, natural logarithm,
orthonormal DCT-II, lifter 22, and the logarithm of the window's energy in the place of the first coefficient.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

NUM_COEFFICIENTS = 13
STEP = 160  # samples at 16 kHz
WINDOW = 400

_RATE, _POINTS, _FILTERS, _LIFTER, _PREEMPHASIS = 16000, 512, 26, 22, 0.97
_TINY = np.finfo(np.float64).eps  # what an energy of zero is taken for
_BLOCK = 4096  # windows at once


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Compute the coefficients of a sound.

    Parameters
    ----------
    samples : shape (N,), 16 kHz mono, in steps of 16 bits (-32768 to 32767), as whole numbers or not; N at least 1

    Returns
    -------
    shape (1 + ceil((N - 400) / 160), 13) float64, at least one row; the last window is filled up with zeros
    """
    samples = np.asarray(samples, np.float64)
    if samples.ndim != 1 or not len(samples):
        raise ValueError(f"a sound of one channel is needed, not an array of shape {samples.shape}")
    emphasised = np.append(samples[0], samples[1:] - _PREEMPHASIS * samples[:-1])
    count = max(1, 1 - (WINDOW - len(samples)) // STEP)
    emphasised = np.pad(emphasised, (0, max(0, (count - 1) * STEP + WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::STEP][:count]
    return np.concatenate([_cepstra(windows[first : first + _BLOCK]) for first in range(0, count, _BLOCK)])


def _cepstra(windows: np.ndarray) -> np.ndarray:
    power = np.square(np.abs(np.fft.rfft(windows, _POINTS))) / _POINTS
    bands = power @ _filters().T
    cepstra = np.log(np.where(bands == 0, _TINY, bands)) @ _transform().T
    energy = power.sum(1)
    cepstra[:, 0] = np.log(np.where(energy == 0, _TINY, energy))
    return cepstra


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Return the triangular filters, shape (26, 257)."""
    highest = 2595 * np.log10(1 + _RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_POINTS + 1) * hertz / _RATE)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(_POINTS // 2 + 1)
    rising = (bins - low) / np.maximum(middle - low, 1)
    falling = (high - bins) / np.maximum(high - middle, 1)
    return np.where((bins >= low) & (bins < middle), rising, np.where((bins >= middle) & (bins < high), falling, 0.0))


@lru_cache(maxsize=1)
def _transform() -> np.ndarray:
    """Return orthonormal DCT-II and lifter as one matrix, shape (13, 26)."""
    order, place = np.arange(NUM_COEFFICIENTS)[:, None], np.arange(_FILTERS)[None, :]
    cosines = np.cos(np.pi * order * (2 * place + 1) / (2 * _FILTERS)) * np.sqrt(2 / _FILTERS)
    cosines[0] /= np.sqrt(2)
    return cosines * (1 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER))
