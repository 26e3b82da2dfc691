"""What a live film hears, beside what `infer` hears of the whole sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
from lipsync_cli.synthesis.live.live_speech import KEPT_S, LiveSpeech

AHEAD_S = 0.4


def encode(mel: np.ndarray) -> np.ndarray:
    """Take the place of the speech encoder: each feature frame is the mean of its two rows, repeated."""
    rows = np.pad(mel, ((0, len(mel) % 2), (0, 0)), mode="edge").reshape(-1, 2, mel.shape[1]).mean(1)
    return np.tile(rows, (1, 5))[:, :384].astype(np.float32)


def listen(sound: np.ndarray, middles_s: np.ndarray, piece: int = 320, **options: object) -> np.ndarray:
    """Feed a sound piece by piece, and ask for each frame as soon as its sound is there."""
    speech, fed, heard = LiveSpeech(ahead_s=AHEAD_S, **options), 0, []  # type: ignore[arg-type]
    for middle_s in middles_s:
        while fed < (middle_s + AHEAD_S) * 16000:
            speech.add(np.pad(sound[fed : fed + piece], (0, max(0, fed + piece - len(sound)))))
            fed += piece
        heard.append(speech.windows(np.array([middle_s]), encode))
    return np.concatenate(heard)


@pytest.fixture(scope="module")
def voice(example_voice: Path) -> np.ndarray:
    samples, _ = soundfile.read(example_voice, dtype="float32")
    return samples[: len(samples) // 3200 * 3200]


@pytest.mark.parametrize("hears", ["mel", "encoder"])
def test_live_speech_is_that_of_the_file(hears: str, voice: np.ndarray, example_voice: Path) -> None:
    middles_s = (np.arange(50, 80) + 0.5) / 25  # after two seconds the voice's level is known, about
    with SpeechDriver(example_voice, hears=hears, silence="model", vtln=1.0) as whole:
        wanted = whole.windows(middles_s, encode)
    found = listen(voice, middles_s, hears=hears, silence="model")
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 0.1 * wanted.std()


def test_windows_of_other_bands_and_frames_are_those_of_the_file(voice: np.ndarray, example_voice: Path) -> None:
    middles_s, parameters = (np.arange(50, 80) + 0.5) / 25, MelParameters(n_mels=40)
    with SpeechDriver(example_voice, parameters, "model", vtln=1.0, window=13) as whole:
        wanted = whole.windows(middles_s)
    found = listen(voice, middles_s, parameters=parameters, silence="model", window=13)
    assert found.shape == wanted.shape == (30, 13, 40)
    assert np.abs(found - wanted).mean() < 0.1 * wanted.std()


@pytest.mark.parametrize("silence", ["close", "keep"])
def test_what_comes_later_is_not_heard(silence: str, voice: np.ndarray) -> None:
    middles_s = np.array([1.5])
    end = round((1.5 + AHEAD_S) * 16000)
    other = np.concatenate([voice[:end], -0.7 * voice[: len(voice) - end]])
    one, two = (listen(sound, middles_s, hears="encoder", silence=silence) for sound in (voice, other))
    assert np.array_equal(one, two)


def test_pieces_make_no_difference(voice: np.ndarray) -> None:
    middles_s = (np.arange(50) + 0.5) / 25
    assert np.array_equal(listen(voice, middles_s, 320), listen(voice, middles_s, 1777))


def test_pauses_close_the_mouth_or_keep_the_own_one(voice: np.ndarray) -> None:
    sound = np.concatenate([voice, np.zeros(32000, np.float32)])
    last_s = len(voice) / 16000 + 1.2
    quiet = listen(sound, np.array([1.0, last_s]), silence="close")[1]
    assert np.allclose(quiet, -4)
    speech = LiveSpeech(silence="keep", ahead_s=AHEAD_S)
    speech.add(sound)
    assert speech.shown(np.array([last_s]))[0] == 0
    assert speech.shown(np.array([1.0, 1.04])).min() == 1


def test_an_hour_takes_no_more_memory_and_hears_the_same(voice: np.ndarray) -> None:
    long = np.tile(voice, 20)
    length_s = len(voice) / 16000
    assert 10 * length_s > KEPT_S
    found = listen(long, np.array([5 * length_s + 1.5, 15 * length_s + 1.5]), hears="encoder")
    assert np.abs(found[0] - found[1]).mean() < 1e-3 * found.std()
