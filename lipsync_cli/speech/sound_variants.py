"""The same words in another voice, room and company: altered copies of a recording, in step with it to the sample.

What a network is to hear in any voice it must have met in many. Pitch and formants are moved together, as a shorter or
longer vocal tract and smaller or larger vocal folds do (by 18 % at most, about a man's beside a woman's); telephones
cut the band; rooms and microphones tilt the spectrum; noise, music and other people's talk lie under the voice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lipsync_cli.speech.mel import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np

PITCH = 0.18  # largest change of pitch and formants, as a natural logarithm
TELEPHONE_HZ = 300, 3400
TILT_DB = 9.0  # from the lowest to the highest frequency, at most
NOISE_DB = 5.0, 25.0  # of the voice over what lies under it
SHARES = {"pitch": 0.6, "telephone": 0.15, "tilt": 0.5, "noise": 0.4, "music": 0.25, "talk": 0.15}


def alter_sound(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Alter a recording at random; each kind of change is made in the share of cases that SHARES says.

    Parameters
    ----------
    samples : shape (n,), float32, mono, 16 kHz

    Returns
    -------
    shape (n,), float32
    """
    drawn = {kind: rng.random() < share for kind, share in SHARES.items()}
    if drawn["pitch"]:
        samples = move_pitch(samples, math.exp(rng.uniform(-PITCH, PITCH)))
    if drawn["tilt"]:
        samples = _filter(samples, lambda hz: (hz / 1000 + 0.1) ** (rng.uniform(-TILT_DB, TILT_DB) / 60))
    voice = samples
    if drawn["noise"]:
        samples = add_under(samples, make_noise(len(voice), rng), rng.uniform(*NOISE_DB))
    if drawn["music"]:
        samples = add_under(samples, make_music(len(voice), rng), rng.uniform(*NOISE_DB))
    if drawn["talk"]:
        samples = add_under(samples, make_talk(voice, rng), rng.uniform(*NOISE_DB))
    if drawn["telephone"]:
        samples = telephone(samples)
    return samples


def move_pitch(samples: np.ndarray, factor: float) -> np.ndarray:
    """Multiply pitch and formants (n,) by a factor, the timing kept: played faster, then stretched (atempo)."""
    from lipsync_cli.media.sound.audio import filter_samples

    if factor == 1:
        return samples
    chain = f"asetrate={round(SAMPLE_RATE * factor)},aresample={SAMPLE_RATE},atempo={1 / factor:.6f}"
    return filter_samples(samples, chain, SAMPLE_RATE)


def telephone(samples: np.ndarray) -> np.ndarray:
    """Keep the band of a telephone."""
    low, high = TELEPHONE_HZ
    return _filter(samples, lambda hz: 1 / ((1 + (low / (hz + 1)) ** 8) * (1 + (hz / high) ** 16)) ** 0.5)


def add_under(samples: np.ndarray, other: np.ndarray, level_db: float) -> np.ndarray:
    """Put another sound under a voice, `level_db` quieter in the mean of the whole."""
    import numpy as np

    power, under = float(np.mean(np.square(samples))), float(np.mean(np.square(other)))
    if not power or not under:
        return samples
    return (samples + other * np.float32(math.sqrt(power / under) * 10 ** (-level_db / 20))).astype(np.float32)


def make_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Make noise between white and brown, shape (length,)."""
    import numpy as np

    slope = rng.uniform(0, 2)
    return _filter(rng.standard_normal(length).astype(np.float32), lambda hz: 1 / np.maximum(hz, 30) ** (slope / 2))


def make_music(length: int, rng: np.random.Generator) -> np.ndarray:
    """Make chords of plucked harmonic notes at a steady pulse, shape (length,)."""
    import numpy as np

    time = np.arange(length) / SAMPLE_RATE
    music = np.zeros(length, np.float32)
    pulse = rng.uniform(0.2, 0.6)
    for start in np.arange(-rng.uniform(0, pulse), length / SAMPLE_RATE, pulse):
        first = max(0, int(start * SAMPLE_RATE))
        since = time[first:] - start
        for note in rng.choice([0, 3, 4, 7, 10, 12, 16], 3, replace=False):
            hz = 110 * 2 ** ((note + rng.integers(0, 12)) / 12)
            harmonics = sum(np.sin(2 * np.pi * hz * k * since) / k for k in range(1, 7) if hz * k < SAMPLE_RATE / 2)
            music[first:] += (harmonics * np.exp(-since / rng.uniform(0.15, 0.8))).astype(np.float32)
    return music


def make_talk(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make the talk of a room from one voice: moved in pitch, in time, and some of it backwards, shape (n,)."""
    import numpy as np

    talk = np.zeros(len(voice), np.float32)
    for factor in np.exp(rng.uniform(-0.35, 0.35, 3)):
        other = np.interp(np.arange(0, len(voice), factor), np.arange(len(voice)), voice)
        other = np.resize(other[::-1] if rng.random() < 0.7 else other, len(voice))
        talk += np.roll(other, rng.integers(0, max(1, len(voice)))).astype(np.float32)
    return talk


def _filter(samples: np.ndarray, gain: object) -> np.ndarray:
    """Multiply the spectrum (n,) by a function of the frequency in Hz."""
    import numpy as np

    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum * gain(hz), len(samples)).astype(np.float32)  # type: ignore[operator]
