"""Which track and which channel of a file counts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures.media_clips import Ffmpeg, MakeClip, find_clicks, number_of, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.extra_tracks import read_tracks
from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.reading import Reading, notes_of, read_as
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter


@pytest.fixture
def make_tracks(ffmpeg: Ffmpeg, tmp_path: Path):
    """Make a file of sound tracks: the times of each one's clicks, and which have the default flag."""

    def make(*tracks: list[float], defaults: tuple[int, ...] = ()) -> Path:
        inputs: list[object] = []
        options: list[object] = []
        for number, times_s in enumerate(tracks):
            inputs += ["-i", write_clicks(tmp_path / f"{number}.wav", times_s, 2)]
            flag = "default" if number in defaults else "0"
            options += ["-map", number, f"-disposition:a:{number}", flag]
        path = tmp_path / "tracks.mkv"
        ffmpeg(*inputs, *options, "-c:a", "flac", "-default_mode", "passthrough", path)
        return path

    return make


def test_the_default_track_counts(make_tracks) -> None:
    path = make_tracks([], [0.5], [1.5], defaults=(1,))
    assert find_clicks(read_speech(path), 16_000) == pytest.approx([0.5], abs=0.001)
    assert any("audio track 1 is taken, the default" in text for text in notes_of(path))


@pytest.mark.parametrize("defaults", [(), (0, 1, 2)])
def test_else_the_first_that_is_not_silent(make_tracks, defaults: tuple[int, ...]) -> None:
    path = make_tracks([], [0.5], [1.5], defaults=defaults)
    assert find_clicks(read_speech(path), 16_000) == pytest.approx([0.5], abs=0.001)
    assert any("audio track 1 is taken, the first that is not silent" in text for text in notes_of(path))


def test_the_first_track_is_taken_without_a_word(make_tracks) -> None:
    path = make_tracks([0.5], [1.5])
    assert find_clicks(read_speech(path), 16_000) == pytest.approx([0.5], abs=0.001)
    assert not notes_of(path)


@pytest.mark.parametrize(("number", "click_s"), [(0, 0.5), (1, 1.5)])
def test_a_track_that_is_asked_for(make_tracks, tmp_path: Path, number: int, click_s: float) -> None:
    path = make_tracks([0.5], [1.5], defaults=(1,))
    with read_as({path: Reading(audio_track=number)}):
        assert find_clicks(read_speech(path), 16_000) == pytest.approx([click_s], abs=0.001)
        with VideoWriter(tmp_path / "out.mp4", 32, 32, 25, path) as writer:
            for _ in range(50):
                writer.write(np.zeros((32, 32, 3), np.uint8))
        assert [track.number for track in read_tracks(path)[0]] == [1 - number]
    assert find_clicks(read_speech(tmp_path / "out.mp4"), 16_000) == pytest.approx([click_s], abs=0.003)


def test_a_track_that_is_not_there(make_tracks) -> None:
    path = make_tracks([0.5], [1.5])
    with read_as({path: Reading(audio_track=2)}), pytest.raises(InputError, match="has 2 audio tracks"):
        probe(path)


def test_a_picture_that_is_asked_for(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    one, two = make_clip("one.mp4", 10), make_clip("two.mp4", 20)
    both = tmp_path / "both.mp4"
    ffmpeg("-i", one, "-i", two, "-map", 0, "-map", 1, "-c", "copy", both)
    assert read_timeline(both).num_frames == 10
    with read_as({both: Reading(video_track=1)}):
        assert read_timeline(both).num_frames == 20
        assert [number_of(frame) for frame in read_frames(both)] == list(range(20))


def write_stereo(path: Path, left: float, right: float, noise: float = 0.0) -> Path:
    rng = np.random.default_rng(1)
    voice = rng.normal(0, 0.1, 2 * 16_000)
    channels = np.stack([left * voice, right * voice], axis=1) + rng.normal(0, noise, (2 * 16_000, 2))
    soundfile.write(path, channels, 16_000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("noise", [0.0, 0.001], ids=["exactly", "nearly"])
def test_channels_that_cancel_each_other(tmp_path: Path, noise: float) -> None:
    path = write_stereo(tmp_path / "a.wav", 0.5, -0.55, noise)
    loudest = soundfile.read(path)[0][:, 1]
    np.testing.assert_allclose(read_speech(path), loudest, atol=1e-6)
    assert any("cancel each other out; channel 2 of 2" in text for text in notes_of(path))


@pytest.mark.parametrize(("left", "right"), [(1.0, 0.0), (0.01, 0.01), (1.0, -0.5)])
def test_other_channels_are_averaged(tmp_path: Path, left: float, right: float) -> None:
    path = write_stereo(tmp_path / "a.wav", left, right)
    np.testing.assert_allclose(read_speech(path), soundfile.read(path)[0].mean(1), atol=1e-6)
    assert not notes_of(path)


def test_the_program_hears_the_same_as_ffmpeg(tmp_path: Path) -> None:
    path = write_stereo(tmp_path / "a.wav", 0.5, -0.55)
    command = [find_tool("ffmpeg"), "-v", "error", "-i", str(path), "-af", "pan=mono|c0=c1", "-f", "f32le", "-"]
    whole = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4")
    np.testing.assert_array_equal(read_speech(path), whole)
