"""Make mel.npz with librosa alone: the log-mel of LipGAN's audio.py, written down again from its description.

Run by hand (`python tests/golden/make_golden.py`) when the recipe changes; the file it writes is never edited.
It imports nothing of lipsync_cli, so that the tests compare two independent computations.
"""

from pathlib import Path

import librosa
import numpy as np
from scipy.signal import lfilter

SAMPLE_RATE = 16000


def chirp_with_noise(num_samples: int, seed: int) -> np.ndarray:
    """A sweep, a hum, noise in bursts, and a stretch of digital silence."""
    time_s = np.arange(num_samples) / SAMPLE_RATE
    generator = np.random.default_rng(seed)
    sweep = 0.3 * np.sin(2 * np.pi * (100 * time_s + 2000 * time_s**2))
    hum = 0.05 * np.sin(2 * np.pi * 140 * time_s)
    burst = 0.1 * generator.standard_normal(num_samples) * (np.sin(2 * np.pi * 4 * time_s) > 0)
    samples = sweep + hum + burst
    samples[num_samples // 2 : num_samples // 2 + num_samples // 6] = 0.0
    return samples.astype(np.float32)


def lipgan_mel(samples: np.ndarray) -> np.ndarray:
    """Pre-emphasis, |STFT|, Slaney mel, dB, normalisation: (T, 80)."""
    emphasised = lfilter([1, -0.97], [1], samples)
    magnitude = np.abs(librosa.stft(y=emphasised, n_fft=800, hop_length=200, win_length=800))
    basis = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    level_db = 20 * np.log10(np.maximum(1e-5, basis @ magnitude)) - 20
    return np.clip(8 * ((level_db + 100) / 100) - 4, -4, 4).T.astype(np.float32)


def main() -> None:
    arrays = {"librosa_version": np.array(librosa.__version__)}
    for name, num_samples in (("even", 8000), ("odd", 5777), ("short", 300)):
        samples = np.round(chirp_with_noise(num_samples, seed=num_samples) * 32767).astype(np.int16)
        arrays[f"{name}_samples"] = samples
        arrays[f"{name}_mel"] = lipgan_mel(samples.astype(np.float32) / 32768)
    np.savez_compressed(Path(__file__).with_name("mel.npz"), **arrays)


if __name__ == "__main__":
    main()
