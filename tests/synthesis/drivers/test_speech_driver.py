"""The voice in blocks is the voice as a whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.mel import SILENCE, log_mel, window_start, windows
from lipsync_cli.speech.speech_windows import cut_sound
from lipsync_cli.speech.vtln import measure_voices, shift_formants
from lipsync_cli.synthesis.drivers.speech_driver import BLOCK, SpeechDriver

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    "num_samples", [1, 199, 16000, BLOCK * 200 - 1, BLOCK * 200, (BLOCK + 8) * 200, 2 * BLOCK * 200 + 777]
)
def test_blocks_equal_the_whole(tmp_path, num_samples):
    path = tmp_path / "voice.wav"
    rng = np.random.default_rng(num_samples)
    soundfile.write(path, rng.uniform(-0.5, 0.5, num_samples), 16000, "PCM_16")
    mel = log_mel(read_speech(path))
    middles_s = np.arange(-0.1, num_samples / 16000 + 0.5, 0.04)
    expected = windows(mel, window_start(middles_s))
    with SpeechDriver(path, silence="model") as voice:  # noise holds no speech, so its level stays as it is
        assert voice.duration_s == Fraction(num_samples, 16000)
        assert not voice.is_silent
        for first in range(0, len(middles_s), 16):
            batch = slice(first, first + 16)
            np.testing.assert_allclose(voice.windows(middles_s[batch]), expected[batch], atol=1e-5)
        assert (voice.windows(np.array([1e4])) == SILENCE).all()


@pytest.mark.parametrize("num_samples", [1, 3200, BLOCK * 80 - 1, (BLOCK + 8) * 80, 2 * BLOCK * 80 + 777])
def test_blocks_of_samples_equal_the_whole(tmp_path, num_samples):
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.random.default_rng(num_samples).uniform(-0.5, 0.5, num_samples), 16000, "PCM_16")
    sound = read_speech(path).astype(np.float32)
    middles_s = np.arange(-0.1, num_samples / 16000 + 0.5, 0.04)
    zeros = np.zeros(len(middles_s), np.int64)
    expected = cut_sound(sound, middles_s, zeros, zeros + len(sound))
    with SpeechDriver(path, silence="model", hears="sound") as voice:
        for first in range(0, len(middles_s), 16):
            batch = slice(first, first + 16)
            np.testing.assert_allclose(voice.windows(middles_s[batch]), expected[batch], atol=1e-6)
        assert not voice.windows(np.array([1e4])).any()


@pytest.mark.parametrize("rate", [44100, 8000, 22050])
def test_length_is_the_files_own(tmp_path, rate):
    path = tmp_path / "voice.flac"
    num_samples = 3 * rate + 17
    soundfile.write(path, np.full(num_samples, 0.1), rate)
    with SpeechDriver(path) as voice:
        assert voice.duration_s == Fraction(num_samples, rate)


def test_digital_silence_is_the_lowest_mel(tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.zeros(8000), 16000)
    with SpeechDriver(path) as voice:
        assert voice.is_silent
        assert (voice.windows(np.arange(12) / 25) == SILENCE).all()


def test_no_sound(tmp_path, numbered):
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.zeros(0), 16000)
    with pytest.raises((NothingToDoError, InputError)):
        SpeechDriver(path)
    with pytest.raises(InputError, match="has no sound"):
        SpeechDriver(numbered(5))


def test_formants_are_brought_to_those_of_the_known_voices(tmp_path):
    samples = soundfile.read(EXAMPLES / "speech.flac", dtype="float32")[0]
    speech = log_mel(samples)
    known = measure_voices([shift_formants(speech, 1.1)] * 6)  # of people with lower formants than this voice
    middles_s = np.arange(0.1, 4, 0.04)
    with SpeechDriver(EXAMPLES / "speech.flac", silence="model", vtln=1.0) as plain:
        assert plain.vtln == 1.0
        starts, own = window_start(middles_s), plain.mel(0, 400)
    with SpeechDriver(EXAMPLES / "speech.flac", silence="model", known=known) as voice:
        assert voice.vtln == pytest.approx(1.1, abs=0.021)
        expected = windows(shift_formants(own, voice.vtln), starts)
        np.testing.assert_array_equal(voice.windows(middles_s), expected)
    with SpeechDriver(EXAMPLES / "speech.flac", silence="model", known=known, vtln=0.9) as voice:
        np.testing.assert_array_equal(voice.mel(0, 400), shift_formants(own, 0.9))
    with SpeechDriver(EXAMPLES / "speech.flac", silence="model") as voice:
        assert voice.vtln == 1.0
