"""Speech and pauses, at any loudness and over noise."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.mel import FRAMES_PER_SECOND, SAMPLE_RATE, mel_levels
from lipsync_cli.speech.vad import band_levels, fade, find_speech

ROOM_DB = -70.0


@pytest.fixture(scope="module")
def sentence(request):
    """The example sentence without its silent ends, 3 s."""
    path = request.config.rootpath / "examples" / "speech.flac"
    samples = read_speech(path)
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1]]


def noise(seconds, level_db, seed=0):
    white = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return (white * 10 ** (level_db / 20)).astype(np.float32)


def speech_in(samples):
    return find_speech(band_levels(mel_levels(samples)))


def seconds(frames):
    return frames / FRAMES_PER_SECOND


@pytest.mark.parametrize("gap_db", [None, ROOM_DB, -55.0], ids=["digital silence", "room", "noise"])
@pytest.mark.parametrize("gain_db", [0, -30, 10])
def test_a_pause_is_found_at_any_loudness(sentence, gap_db, gain_db):
    gap = np.zeros(2 * SAMPLE_RATE, np.float32) if gap_db is None else noise(2, gap_db)
    samples = np.concatenate([sentence, gap, sentence]) * 10 ** (gain_db / 20)
    start_s, end_s = len(sentence) / SAMPLE_RATE, len(sentence) / SAMPLE_RATE + 2
    found = speech_in(samples)
    times_s = seconds(np.arange(len(found.speech)))
    assert not found.speech[(times_s > start_s + 0.15) & (times_s < end_s - 0.1)].any()
    assert found.speech[(times_s < start_s - 0.05) | (times_s > end_s + 0.1)].mean() > 0.9
    assert found.level_db == pytest.approx(speech_in(sentence).level_db + gain_db, abs=0.5)


def test_speech_in_noise(sentence):
    samples = np.concatenate([np.zeros(SAMPLE_RATE), sentence, np.zeros(SAMPLE_RATE)])
    samples = samples + noise(len(samples) / SAMPLE_RATE, -38.0)[: len(samples)]
    speech = speech_in(samples).speech
    times_s = seconds(np.arange(len(speech)))
    assert speech[(times_s > 1) & (times_s < len(sentence) / SAMPLE_RATE + 1)].mean() > 0.8
    assert not speech[times_s < 0.8].any()


@pytest.mark.parametrize(
    "samples",
    [np.zeros(SAMPLE_RATE), np.zeros(0), np.zeros(1), np.full(SAMPLE_RATE, 0.1), noise(4, -30), noise(4, -96)],
    ids=["silence", "nothing", "one sample", "constant", "noise", "dither"],
)
def test_no_speech(samples):
    found = speech_in(samples)
    assert not found.speech.any()
    assert not found.breath.any()
    assert found.level_db is None
    assert (fade(found.speech, 4, 8) == 0).all()


def test_a_click_is_no_speech(sentence):
    samples = np.concatenate([sentence, np.zeros(2 * SAMPLE_RATE, np.float32)])
    samples[-SAMPLE_RATE] = 1.0
    assert not speech_in(samples).speech[-100:].any()


def test_breath_drawn_before_speech_is_heard_and_nothing_else(sentence):
    """Half a second of breath, 35 dB below the voice, held for a tenth; before it the room's own noise."""
    start = 2 * SAMPLE_RATE
    samples = np.concatenate([np.zeros(start, np.float32), sentence]) + noise(2 + len(sentence) / SAMPLE_RATE, -80)
    own_db = 20 * np.log10(np.sqrt(np.mean(sentence**2)))
    samples[start - round(0.6 * SAMPLE_RATE) : start - round(0.1 * SAMPLE_RATE)] += noise(0.5, own_db - 35)
    found = speech_in(samples)
    before_s = seconds(np.arange(len(found.speech))) - 2
    assert found.breath[(before_s > -0.55) & (before_s < -0.05)].all()
    assert not found.breath[(before_s < -0.65) | (before_s > 0.1)].any()
    assert not found.speech[before_s < -0.1].any()
    assert not (found.breath & found.speech).any()
    click = np.concatenate([np.zeros(start, np.float32), sentence]) + noise(2 + len(sentence) / SAMPLE_RATE, -80)
    click[start - round(0.5 * SAMPLE_RATE)] = 0.1
    assert not speech_in(click).breath[before_s < -0.1].any()


def test_noise_before_speech_is_no_breath(sentence):
    samples = np.concatenate([np.zeros(2 * SAMPLE_RATE, np.float32), sentence])
    found = speech_in(samples + noise(len(samples) / SAMPLE_RATE, -45))
    assert not found.breath[seconds(np.arange(len(found.breath))) < 1.8].any()


def test_fading():
    speech = np.zeros(60, bool)
    speech[20:30] = speech[52:] = True
    shown = fade(speech, rise=4, fall=8)
    assert (shown[speech] == 1).all()
    assert (shown[:16] == 0).all()
    assert (shown[38:48] == 0).all()
    assert (np.diff(shown[15:21]) > 0).all()
    assert (np.diff(shown[29:39]) < 0).all()
    wide = fade(speech, rise=4, fall=8, around=3)
    assert (wide[17:33] == 1).all()
    assert (wide[:13] == 0).all()


def test_real_sentences_with_known_words(grid_dir):
    """What a forced alignment calls a word is speech; what it calls silence, away from words, is mostly none."""
    hits, rests = [], []
    for clip in sorted((grid_dir / "s1").glob("*.mp4")):
        words = [line.split() for line in clip.with_suffix(".align").open()]
        spoken_s = [(int(a) / 25000, int(b) / 25000) for a, b, word in words if word not in ("sil", "sp")]
        speech = speech_in(read_speech(clip)).speech
        times_s = seconds(np.arange(len(speech)))
        is_word = np.any([(times_s >= first) & (times_s < last) for first, last in spoken_s], axis=0)
        is_near = (times_s > spoken_s[0][0] - 0.2) & (times_s < spoken_s[-1][1] + 0.2)
        hits.append(speech[is_word].mean())
        rests.append(1 - speech[~is_near].mean())
    assert len(hits) == 2
    assert np.mean(hits) > 0.94
    assert np.mean(rests) > 0.8
