"""MFCC as python_speech_features defines them: here once more, straight from its definition."""

import math
from itertools import pairwise

import numpy as np
import pytest

from lipsync_cli.speech.mfcc import mfcc


def by_definition(samples: np.ndarray) -> np.ndarray:
    """Loops over windows, filters and coefficients, as the definition reads."""
    emphasised = [
        samples[0],
        *(float(now) - 0.97 * float(last) for last, now in pairwise(samples)),
    ]
    count = 1 if len(samples) <= 400 else 1 + math.ceil((len(samples) - 400) / 160)
    emphasised += [0.0] * ((count - 1) * 160 + 400 - len(samples))
    top = 2595 * math.log10(1 + 8000 / 700)
    edges = [math.floor(513 * 700 * (10 ** (top * number / 27 / 2595) - 1) / 16000) for number in range(28)]
    rows = []
    for number in range(count):
        spectrum = np.fft.rfft(emphasised[number * 160 : number * 160 + 400], 512)
        power = (spectrum.real**2 + spectrum.imag**2) / 512
        logs = []
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
            band = sum(power[k] * (k - low) / (middle - low) for k in range(low, middle))
            band += sum(power[k] * (high - k) / (high - middle) for k in range(middle, high))
            logs.append(math.log(band or np.finfo(float).eps))
        row = [math.log(power.sum() or np.finfo(float).eps)]
        for order in range(1, 13):
            total = sum(value * math.cos(math.pi * order * (2 * k + 1) / 52) for k, value in enumerate(logs))
            row.append(total * math.sqrt(2 / 26) * (1 + 11 * math.sin(math.pi * order / 22)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("length", [1, 399, 400, 401, 560, 561, 4000])
def test_values_and_number_of_windows(length: int) -> None:
    samples = (3000 * np.random.default_rng(length).standard_normal(length)).astype(np.int16)
    samples[length // 3 : length // 2] = 0
    np.testing.assert_allclose(mfcc(samples), by_definition(samples), atol=1e-8)


def test_silence_is_a_number() -> None:
    assert np.isfinite(mfcc(np.zeros(2000, np.int16))).all()


def test_75_frames_at_25_a_second_hold_the_sound_of_every_window() -> None:
    assert len(mfcc(np.ones(75 * 640))) >= 4 * (75 - 6) + 20
