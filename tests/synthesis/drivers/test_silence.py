"""What the mouth does while the voice pauses, however loud the voice is."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from fixtures.jobs import known_face, make_film, open_scene, prepare

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_yuv_frames
from lipsync_cli.speech.mel import SAMPLE_RATE, SILENCE, WINDOW
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver, sound_duration
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

MIDDLES_S = np.arange(0.02, 8, 0.04)


@pytest.fixture(scope="module")
def sentence(request):
    samples = read_speech(request.config.rootpath / "examples" / "speech.flac")
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1]]


@pytest.fixture
def with_pause(sentence, tmp_path):
    """Write the sentence, 2 s of room noise, and the sentence again: (path, start and end of the pause in seconds)."""

    def make(gain_db=0.0, pause_db=-60.0):
        pause = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE) * 10 ** (pause_db / 20)
        path = tmp_path / f"pause{gain_db:g}.wav"
        samples = np.concatenate([sentence, pause, sentence]) * 10 ** (gain_db / 20)
        soundfile.write(path, samples, SAMPLE_RATE, "FLOAT")
        return path, len(sentence) / SAMPLE_RATE, len(sentence) / SAMPLE_RATE + 2

    return make


def inside(start_s, end_s, margin_s):
    return (start_s + margin_s < MIDDLES_S) & (end_s - margin_s > MIDDLES_S)


def test_close_gives_silence_in_the_pause_and_the_speech_as_it_is(with_pause):
    path, start_s, end_s = with_pause()
    with SpeechDriver(path, silence="close") as voice, SpeechDriver(path, silence="model") as heard:
        mel, own = voice.windows(MIDDLES_S), heard.windows(MIDDLES_S)
        assert (voice.shown(MIDDLES_S) == 1).all()
    pause = inside(start_s, end_s, 0.4)
    assert (mel[pause] == SILENCE).all()
    assert (own[pause] > SILENCE).any()
    speech = (MIDDLES_S > 0.3) & (start_s - 0.3 > MIDDLES_S)
    np.testing.assert_array_equal(mel[speech], own[speech])
    assert (np.abs(np.diff(mel[:, 13].mean(1))) < 2.5).all()


def test_breath_before_a_word_opens_the_mouth_as_it_is_heard(sentence, tmp_path):
    pause = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE) * 1e-4
    breath = slice(round(1.4 * SAMPLE_RATE), round(1.9 * SAMPLE_RATE))
    pause[breath] += np.random.default_rng(1).standard_normal(breath.stop - breath.start) * 0.01 * np.std(sentence)
    path = tmp_path / "breath.wav"
    soundfile.write(path, np.concatenate([sentence, pause, sentence]), SAMPLE_RATE, "FLOAT")
    with SpeechDriver(path, silence="close") as voice, SpeechDriver(path, silence="model") as heard:
        shown = voice.speech(MIDDLES_S)
        mel, own = voice.windows(MIDDLES_S), heard.windows(MIDDLES_S)
    into_s = MIDDLES_S - len(sentence) / SAMPLE_RATE
    assert (shown[(into_s > 0.3) & (into_s < 1.2)] == 0).all()
    drawn = (into_s > 1.45) & (into_s < 1.95)
    assert (shown[drawn] == 1).all()
    np.testing.assert_array_equal(mel[drawn][:, WINDOW // 2], own[drawn][:, WINDOW // 2])


def test_keep_shows_the_source_in_the_pause(with_pause):
    path, start_s, end_s = with_pause()
    with SpeechDriver(path, silence="keep") as voice:
        shown = voice.shown(MIDDLES_S)
        assert (voice.shown(np.array([100.0])) == 0).all()
    assert (shown[inside(start_s, end_s, 0.4)] == 0).all()
    assert (shown[(MIDDLES_S > 0.2) & (start_s - 0.1 > MIDDLES_S)] == 1).all()
    assert np.abs(np.diff(shown)).max() < 0.7  # at 25 frames/s; never at once
    assert ((shown > 0.02) & (shown < 0.98)).any()


@pytest.mark.parametrize("gain_db", [-30, 10])
def test_loudness_does_not_matter(with_pause, gain_db):
    with SpeechDriver(with_pause()[0]) as usual, SpeechDriver(with_pause(gain_db)[0]) as other:
        difference = np.abs(usual.windows(MIDDLES_S) - other.windows(MIDDLES_S))
    assert difference.mean() < 0.02
    assert np.percentile(difference, 99) < 0.2


@pytest.mark.parametrize("silence", ["close", "keep", "model"])
def test_digital_silence_between_words_gives_no_nan(sentence, tmp_path, silence):
    path = tmp_path / "tts.wav"
    soundfile.write(path, np.concatenate([sentence, np.zeros(SAMPLE_RATE), sentence]), SAMPLE_RATE)
    with SpeechDriver(path, silence=silence) as voice:
        mel = voice.windows(MIDDLES_S)
        assert np.isfinite(mel).all()
        assert np.isfinite(voice.shown(MIDDLES_S)).all()
    assert mel.min() == SILENCE
    assert mel.max() <= -SILENCE


@pytest.mark.slow
def test_frames_of_the_pause_are_the_sources_own(face_clip, with_pause, weights, tmp_path):
    """With keep, a frame in a pause passes through bit by bit."""
    path, start_s, end_s = with_pause()
    with (
        prepare(face_clip, path, tmp_path / "out.mp4", weights, extend="hold", silence="keep") as job,
        SceneBuilder("current", search=known_face) as builder,
        open_scene(builder, job).renderer.views(job.schedule, job.voices) as views,
    ):
        drawn = [view.pixels for view in views]
        middles_s = job.schedule.timeline.middles()
    own = list(read_yuv_frames(face_clip, "bt709"))[-1]
    is_own = np.array([np.array_equal(frame.planes, own.planes) for frame in drawn])
    assert is_own[(middles_s > start_s + 0.4) & (middles_s < end_s - 0.3)].all()
    assert not is_own[(middles_s > end_s + 0.2) & (middles_s < middles_s[-1] - 0.2)].any()


def test_two_sounds(face_clip, sentence, weights, tmp_path):
    """The lips follow one sound, another is heard; the film is as long as what is heard."""
    voice, music = tmp_path / "voice.wav", tmp_path / "music.wav"
    soundfile.write(voice, sentence[:SAMPLE_RATE], SAMPLE_RATE)
    soundfile.write(music, np.tile(np.sin(np.arange(100) * 2 * np.pi / 100), 240).astype(np.float32) * 0.3, SAMPLE_RATE)
    said = []
    with prepare(face_clip, voice, tmp_path / "out.mp4", weights, final_audio=music) as job:
        assert job.voices[0].path == voice
        assert job.output.sound == music
        assert job.schedule.sound_s == sound_duration(music)
        make_film(job, notify=said.append)
    assert any("lasts 1.00 s, the sound of the video 1.50 s; the mouth rests after it" in line for line in said)
    heard = read_speech(tmp_path / "out.mp4")
    assert len(heard) == 24000
    spectrum = np.abs(np.fft.rfft(heard[4000:20000]))
    assert spectrum.argmax() == 160
    with prepare(face_clip, music, tmp_path / "other.mp4", weights, driving_audio=voice) as job:
        assert job.voices[0].path == voice
        assert job.output.sound == music


def test_what_is_no_voice(face_clip, weights, tmp_path):
    hum = tmp_path / "hum.wav"
    soundfile.write(hum, 0.2 * np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 50 / SAMPLE_RATE), SAMPLE_RATE)
    with SpeechDriver(hum) as voice:
        assert not voice.has_speech
        assert not voice.is_silent
        assert (voice.windows(MIDDLES_S) == SILENCE).all()
    with pytest.raises(UsageError, match="--silence 'shut' is not known"):
        SpeechDriver(hum, silence="shut")
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), SAMPLE_RATE)
    with pytest.raises((NothingToDoError, InputError)):
        sound_duration(empty)
