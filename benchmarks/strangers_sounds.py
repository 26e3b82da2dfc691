"""Sounds that drive a face: a voice as it is, under music or noise, by telephone, as a child's, and none at all."""

from __future__ import annotations

import numpy as np

RATE = 16_000
TELEPHONE_RATE = 8_000
BAND_HZ = 300.0, 3400.0  # of a telephone
BELOW_DB = 10.0  # music and noise lie so far below the voice
CHILD_STEPS = 5  # semitones by which pitch and formants rise: a factor of 1.33

VOICES = ("clean", "music", "noise", "telephone", "pitch")


def change_voice(kind: str, voice: np.ndarray, music: np.ndarray | None = None) -> tuple[np.ndarray, int]:
    """Make a sound of a voice.

    Parameters
    ----------
    kind : one of `VOICES`
    voice : shape (n,) float32, 16 kHz
    music : shape (m,), 16 kHz, to use in the place of the synthetic music

    Returns
    -------
    the sound, as long as the voice, and its rate in Hz
    """
    if kind == "clean":
        return voice, RATE
    if kind == "music":
        return mix_below(voice, play_chords(len(voice)) if music is None else np.resize(music, len(voice))), RATE
    if kind == "noise":
        return mix_below(voice, pink_noise(len(voice))), RATE
    if kind == "telephone":
        return narrow(voice), TELEPHONE_RATE
    if kind == "pitch":
        import librosa

        return librosa.effects.pitch_shift(np.asarray(voice, np.float32), sr=RATE, n_steps=CHILD_STEPS), RATE
    raise ValueError(f"no sound is called {kind!r}")


def mix_below(voice: np.ndarray, other: np.ndarray, below_db: float = BELOW_DB) -> np.ndarray:
    """Add a sound whose mean power lies `below_db` below the voice's, of which pauses do not count."""
    frames = voice[: len(voice) // 320 * 320].reshape(-1, 320)
    power = np.square(frames, dtype=np.float64).mean(1) if len(frames) else np.zeros(1)
    spoken = power[power > power.max() / 1000].mean() if power.max() > 0 else 0.0
    gain = np.sqrt(spoken / np.square(other, dtype=np.float64).mean()) * 10 ** (-below_db / 20)
    return (voice + gain * other).astype(np.float32)


def play_chords(count: int) -> np.ndarray:
    """Play four chords in turn with a drum: shape (count,), 16 kHz. Music of no owner, the same each time."""
    times, rng = np.arange(count) / RATE, np.random.default_rng(0)
    chord = (times / 0.6).astype(int) % 4
    since = times % 0.6
    sound = np.zeros(count)
    for number, notes in enumerate(((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))):
        for note in notes:
            hertz = 220 * 2 ** (note / 12)
            tone = sum(np.sin(2 * np.pi * hertz * overtone * times) / overtone for overtone in range(1, 7))
            sound += np.where(chord == number, tone * np.exp(-1.5 * since), 0)
    return sound / 3 + rng.standard_normal(count) * np.exp(-60 * (times % 0.3))


def pink_noise(count: int) -> np.ndarray:
    """Make noise whose power falls with frequency, as that of rooms and streets does: shape (count,)."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)


def narrow(voice: np.ndarray) -> np.ndarray:
    """Bring a voice of 16 kHz to a telephone's band at 8 kHz: shape (n // 2,)."""
    voice = voice[: len(voice) // 2 * 2]
    spectrum = np.fft.rfft(voice)
    hertz = np.fft.rfftfreq(len(voice), 1 / RATE)
    spectrum[(hertz < BAND_HZ[0]) | (hertz > BAND_HZ[1])] = 0
    half = len(voice) // 2
    return (np.fft.irfft(spectrum[: half // 2 + 1], half) / 2).astype(np.float32)
