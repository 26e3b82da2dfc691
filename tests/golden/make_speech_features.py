"""Golden values of the speech encoder without the program: librosa for the spectrogram, NumPy for the network.

    python tests/golden/make_speech_features.py lipsync_cli/assets/whisper_tiny_en_encoder.safetensors

It reads the weights by their names in openai/whisper and does what `whisper/audio.py` and `whisper/model.py` do, in
float64, with the fixed floor of `speech.speech_features` in place of the one that follows the recording's maximum.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import librosa
import numpy as np
from safetensors.numpy import load_file

HEADS, LAYERS = 6, 3


def sound() -> np.ndarray:
    """Two seconds at 16 kHz, int16: a buzz that glides, in noise, with a silent gap."""
    time = np.arange(32000) / 16000
    rng = np.random.default_rng(7)
    buzz = sum(np.sin(2 * np.pi * k * (110 * time + 20 * time**2)) / k for k in range(1, 20))
    samples = 0.1 * buzz * (1 + np.sin(2 * np.pi * 3 * time)) + 0.003 * rng.standard_normal(len(time))
    samples[12000:15000] = 0
    return (samples * 32768).round().astype(np.int16)


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Compute Whisper's scaled log-mel, (T, 80)."""
    stft = librosa.stft(samples.astype(np.float64), n_fft=400, hop_length=160, pad_mode="constant")
    power = librosa.filters.mel(sr=16000, n_fft=400, n_mels=80, dtype=np.float64) @ np.abs(stft) ** 2
    return (np.maximum(np.log10(np.maximum(power, 1e-10)), 1.0 - 8.0).T + 4) / 4


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    padded = np.pad(x, ((1, 1), (0, 0)))
    starts = range(0, len(x), stride)
    return np.stack([np.einsum("kc,ock->o", padded[s : s + 3], weight) + bias for s in starts])


def normalise(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def attend(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    query = x @ w[f"{name}.query.weight"].T + w[f"{name}.query.bias"]
    key = x @ w[f"{name}.key.weight"].T
    value = x @ w[f"{name}.value.weight"].T + w[f"{name}.value.bias"]
    size = x.shape[1] // HEADS
    parts = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] @ key[:, part].T / math.sqrt(size)
        scores = np.exp(scores - scores.max(1, keepdims=True))
        parts.append(scores / scores.sum(1, keepdims=True) @ value[:, part])
    return np.concatenate(parts, 1) @ w[f"{name}.out.weight"].T + w[f"{name}.out.bias"]


def encode(mel: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    x = gelu(convolve(mel, w["conv1.weight"], w["conv1.bias"], 1))
    x = gelu(convolve(x, w["conv2.weight"], w["conv2.bias"], 2))
    x = x + w["positional_embedding"][: len(x)]
    for layer in range(LAYERS):
        name = f"blocks.{layer}"
        x = x + attend(normalise(x, w, f"{name}.attn_ln"), w, f"{name}.attn")
        hidden = gelu(normalise(x, w, f"{name}.mlp_ln") @ w[f"{name}.mlp.0.weight"].T + w[f"{name}.mlp.0.bias"])
        x = x + hidden @ w[f"{name}.mlp.2.weight"].T + w[f"{name}.mlp.2.bias"]
    return x


if __name__ == "__main__":
    weights = {name: value.astype(np.float64) for name, value in load_file(sys.argv[1]).items()}
    mel = spectrogram(sound() / 32768)
    features = encode(mel, weights)
    np.savez_compressed(
        Path(__file__).with_name("speech_features.npz"),
        samples=sound(),
        mel=mel[::9].astype(np.float32),
        features=features[::9].astype(np.float32),
    )
    print(mel.shape, features.shape)
