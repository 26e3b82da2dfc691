"""Voices heard together: their sum, as long as the longest, and never too loud."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import soundfile

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import run_tool
from lipsync_cli.media.sound.mix import LOUDEST, mix
from lipsync_cli.media.sound.soundtrack import Soundtrack


def tone(path, seconds, loudness, rate=16000, channels=1, hertz=300):
    samples = loudness * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)
    soundfile.write(path, np.tile(samples[:, None], (1, channels)), rate, subtype="FLOAT")
    return path


def heard(track):
    options = ["-v", "error", *track.input(), *track.filtered(0), "-f", "f32le", "-c:a", "pcm_f32le", "-"]
    result: subprocess.CompletedProcess[bytes] = run_tool("ffmpeg", options)
    assert result.returncode == 0, result.stderr
    return np.frombuffer(result.stdout, "<f4").reshape(-1, track.channels)


def test_quiet_voices_are_summed_as_they_are(tmp_path):
    paths = [tone(tmp_path / "a.wav", 0.5, 0.3), tone(tmp_path / "b.wav", 0.8, 0.2, hertz=500)]
    both = mix(paths)
    assert (both.sample_rate, both.channels, both.gain) == (16000, 1, 1.0)
    one, other = (soundfile.read(path)[0] for path in paths)
    other[: len(one)] += one
    np.testing.assert_allclose(heard(Soundtrack(both))[:, 0], other, atol=1e-4)


def test_loud_voices_do_not_clip_and_mono_stays_as_loud_beside_stereo(tmp_path):
    paths = [tone(tmp_path / "a.wav", 0.6, 0.8, 44100), tone(tmp_path / "b.wav", 0.4, 0.9, 44100, 2)]
    both = mix(paths)
    assert (both.sample_rate, both.channels) == (44100, 2)
    samples = heard(Soundtrack(both, duration_s=1))
    assert samples.shape == (44100, 2)
    assert abs(np.abs(samples).max() - LOUDEST) < 1e-3
    alone = samples[round(0.45 * 44100) : round(0.55 * 44100)]  # only the first is left
    assert abs(np.abs(alone).max() - 0.8 * both.gain) < 1e-3
    assert not samples[round(0.62 * 44100) :].any()


def test_a_file_without_sound_is_named(tmp_path, make_clip):
    voice = tone(tmp_path / "a.wav", 0.2, 0.5)
    with pytest.raises(InputError, match="has no sound"):
        mix([voice, make_clip("silent.mp4", 5)])
