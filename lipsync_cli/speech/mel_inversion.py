"""A log-mel spectrogram made audible: what is left of a sound where only its mels are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.speech.mel import MelParameters, mel_filters, to_levels

if TYPE_CHECKING:
    import numpy as np

_ROUNDS = 32
_PEAK = 0.7


def mel_to_samples(mel: np.ndarray, parameters: MelParameters | None = None, seed: int = 0) -> np.ndarray:
    """Rebuild a sound from what `log_mel` gave.

    Parameters
    ----------
    mel : shape (T, n_mels), row i centred on sample i * hop_length
    seed : of the phases that the search begins with

    Returns
    -------
    shape ((T - 1) * hop_length,), float32, mono, its peak at 0.7; empty for fewer than two rows

    Notes
    -----
    Phases by Griffin and Lim (1984) with 32 rounds, magnitudes by the pseudo-inverse of the mel filters; words can be
    understood, voices sound rough.
    """
    import numpy as np

    parameters = parameters or MelParameters()
    size, hop = parameters.n_fft, parameters.hop_length
    if len(mel) < 2:
        return np.zeros(0, np.float32)
    levels = 10 ** (to_levels(mel.astype(np.float64), parameters) / 20)
    magnitude = np.maximum(levels @ np.linalg.pinv(mel_filters(parameters)).T, 0)
    window = np.zeros(size)
    width = parameters.win_length
    start = (size - width) // 2
    window[start : start + width] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    length = (len(mel) - 1) * hop + size
    index = np.arange(len(mel))[:, None] * hop + np.arange(size)
    weight = np.bincount(index.ravel(), np.tile(window**2, len(mel)), length)
    weight[weight < 1e-3] = 1.0

    def join(spectrum: np.ndarray) -> np.ndarray:
        frames = np.fft.irfft(spectrum, size) * window
        return np.bincount(index.ravel(), frames.ravel(), length) / weight

    turn = np.exp(2j * np.pi * np.random.default_rng(seed).random(magnitude.shape))
    for _ in range(_ROUNDS):
        spectrum = np.fft.rfft(join(magnitude * turn)[index] * window)
        turn = spectrum / np.maximum(np.abs(spectrum), 1e-12)
    sound = join(magnitude * turn)[size // 2 : length - size // 2]
    for place in range(1, len(sound)):  # undo the pre-emphasis
        sound[place] += parameters.preemphasis * sound[place - 1]
    peak = float(np.abs(sound).max())
    return (sound * (_PEAK / peak if peak > 0 else 1.0)).astype(np.float32)
