"""Vocal tract length: whose formants are moved, by how much, and whose are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.errors import InputError
from lipsync_cli.speech.mel import SILENCE, log_mel
from lipsync_cli.speech.vtln import KnownVoices, find_factor, measure_voices, shift_formants

SPEECH = Path(__file__).parents[2] / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return soundfile.read(SPEECH, dtype="float32")[0]


@pytest.fixture(scope="module")
def known(samples: np.ndarray) -> KnownVoices:
    voices = measure_voices([log_mel(samples)] * 6)
    assert voices is not None
    return voices


def play(samples: np.ndarray, speed: float) -> np.ndarray:
    """Play a tape faster or slower, so that all frequencies rise or fall."""
    places = np.arange(0, len(samples) - 1, speed)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def test_a_known_voice_is_left_alone(samples, known):
    assert find_factor(log_mel(samples), known) == 1
    assert find_factor(log_mel(samples[: len(samples) // 2]), known) == 1
    assert find_factor(log_mel(samples * 0.2), known) == 1


@pytest.mark.parametrize("factor", [0.88, 0.92, 1.06, 1.12])
def test_formants_that_were_moved_are_found_to_within_a_step(samples, known, factor):
    moved = shift_formants(log_mel(samples), 1 / factor)
    assert find_factor(moved, known) == pytest.approx(factor, abs=0.021)


def test_a_tape_that_runs_faster_has_higher_formants_and_a_slower_one_lower(samples, known):
    assert find_factor(log_mel(play(samples, 1.25)), known) >= 1.06
    assert find_factor(log_mel(play(samples, 0.8)), known) <= 0.94


def test_moving_back_brings_the_spectra_near_those_of_the_known_voice(samples, known):
    mel = log_mel(samples)
    moved = shift_formants(mel, 1 / 1.1)
    back = shift_formants(moved, find_factor(moved, known))
    loud = mel.mean(1) > np.percentile(mel.mean(1), 60)
    assert np.abs(back - mel)[loud].mean() < 0.6 * np.abs(moved - mel)[loud].mean()


def test_what_holds_no_speech_is_left_alone(known):
    rng = np.random.default_rng(0)
    for mel in (
        np.zeros((0, 80), np.float32),
        np.full((300, 80), SILENCE, np.float32),
        log_mel(np.zeros(16000, np.float32)),
        log_mel(rng.normal(0, 0.1, 1600).astype(np.float32)),
    ):
        assert find_factor(mel, known) == 1


def test_silence_stays_silence_and_one_is_no_change():
    mel = np.full((5, 80), SILENCE, np.float32)
    np.testing.assert_array_equal(shift_formants(mel, 1.1), mel)
    np.testing.assert_array_equal(shift_formants(mel, 0.9), mel)
    ramp = np.tile(np.linspace(-4, 4, 80, dtype=np.float32), (3, 1))
    assert shift_formants(ramp, 1) is ramp
    np.testing.assert_allclose(shift_formants(ramp, 1.25)[:, 40], ramp[:, 50], atol=1e-5)
    assert shift_formants(ramp, 1.25).dtype == np.float32


def test_covariance_is_that_of_the_cepstra_by_another_way(samples):
    dct = pytest.importorskip("scipy.fft").dct
    mel = log_mel(samples)
    loudness = mel.mean(1)
    floor = np.percentile(loudness[loudness > -3.5], 95) - 1.2
    cepstra = dct(mel[loudness > floor].astype(np.float64), norm="ortho", axis=1)[:, 1:13]
    expected = np.cov(cepstra.T, bias=True)
    found = measure_voices([mel] * 6)
    assert found is not None
    assert found.num_frames == 6 * len(cepstra)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-4, atol=1e-5)


def test_too_little_speech_tells_nothing(samples):
    assert measure_voices([]) is None
    assert measure_voices([log_mel(samples)]) is None
    assert measure_voices([np.full((5000, 80), SILENCE, np.float32)]) is None
    assert measure_voices([np.full((5000, 80), 1.0, np.float32)]) is None  # a steady sound, all frames alike


def test_known_voices_go_through_json(known):
    assert KnownVoices.from_dict(json.loads(json.dumps(known.to_dict()))) == known


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"covariance": [[1.0]], "num_frames": 3},
        {"covariance": (-np.eye(12)).tolist(), "num_frames": 3},
        {"covariance": "x"},
        {"covariance": np.full((12, 12), np.nan).tolist(), "num_frames": 3},
        {"covariance": (np.eye(12) + np.eye(12, k=1)).tolist(), "num_frames": 3},
    ],
)
def test_what_is_no_covariance_is_refused(values):
    with pytest.raises(InputError, match="known voices"):
        KnownVoices.from_dict(values)
