"""Mels made audible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.speech.mel import SILENCE, log_mel
from lipsync_cli.speech.mel_inversion import mel_to_samples


def test_the_sound_that_is_rebuilt_has_the_mels_it_was_made_of() -> None:
    soundfile = pytest.importorskip("soundfile")
    voice, rate = soundfile.read(Path(__file__).parents[2] / "examples" / "speech.flac", dtype="float32")
    assert rate == 16000
    mel = log_mel(voice[8000:32000])
    sound = mel_to_samples(mel)
    assert (sound.dtype, len(sound)) == (np.float32, (len(mel) - 1) * 200)
    assert np.abs(sound).max() == pytest.approx(0.7, abs=1e-6)
    there = mel > -2.5
    again = log_mel(sound)
    assert np.corrcoef(again[there], mel[there])[0, 1] > 0.97
    shifted = np.roll(again, 4, axis=0)
    assert np.corrcoef(shifted[there], mel[there])[0, 1] < 0.9


def test_nothing_and_silence_are_no_error() -> None:
    assert mel_to_samples(np.zeros((1, 80), np.float32)).shape == (0,)
    assert np.isfinite(mel_to_samples(np.full((9, 80), SILENCE, np.float32))).all()
