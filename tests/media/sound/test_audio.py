"""Sound on the picture's clock: a click is heard when it was made, whatever the container does."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, find_clicks, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.sound.audio import read_speech

CLICKS = [0.3, 0.7, 1.1]
MILLISECOND = 1e-3


def is_ffmpeg_5() -> bool:
    words = subprocess.run([find_tool("ffmpeg"), "-version"], capture_output=True, text=True, check=True).stdout
    return words.startswith("ffmpeg version 5.")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_clicks(tmp_path / "clicks.wav", CLICKS, 1.5)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 6), (8_000, 1)])
def test_wav(tmp_path: Path, rate: int, channels: int) -> None:
    samples = read_speech(write_clicks(tmp_path / "a.wav", CLICKS, 1.5, rate, channels))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert abs(len(samples) - 24_000) <= 1
    assert find_clicks(samples, 16_000) == pytest.approx(CLICKS, abs=MILLISECOND)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_loudness_is_untouched(ffmpeg: Ffmpeg, tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    spread = "|".join(f"c{channel}=c0" for channel in range(channels))
    tone = "sine=f=440:d=0.5:r=16000"
    ffmpeg("-f", "lavfi", "-i", tone, "-af", f"pan={layout}|{spread},volume=4", "-c:a", "pcm_f32le", path)
    assert np.abs(read_speech(path)).max() == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.flac", "a.opus", "a.ogg"])
def test_coded_sound(ffmpeg: Ffmpeg, tmp_path: Path, sound: Path, name: str) -> None:
    ffmpeg("-i", sound, tmp_path / name)
    assert find_clicks(read_speech(tmp_path / name), 16_000) == pytest.approx(CLICKS, abs=MILLISECOND)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", ("-c:a", "aac", "-c:v", "libx264", "-bf", "3")),
        ("a.mov", ("-c:a", "pcm_s16le", "-c:v", "libx264")),
        ("a.mkv", ("-c:a", "aac", "-c:v", "libx264", "-bf", "3")),
        ("a.webm", ("-c:a", "libopus", "-c:v", "libvpx")),
        ("a.mpg", ("-c:a", "mp2", "-c:v", "mpeg1video", "-bf", "2")),
        ("a.avi", ("-c:a", "mp3", "-c:v", "mpeg4")),
    ],
)
@pytest.mark.parametrize("late_s", [0, 0.5, -0.2])
def test_clicks_beside_the_picture(
    make_clip: MakeClip, sound: Path, name: str, options: tuple[str, ...], late_s: float
) -> None:
    """The sound begins with the picture, after it, or before it."""
    if late_s and name == "a.avi":
        pytest.skip("AVI knows no start times")
    clip = make_clip(name, 45, 25, *options, inputs=("-itsoffset", late_s, "-i", sound))
    coded = 0.027 if name in ("a.mpg", "a.avi") else 0  # the coder's delay, of which these containers say nothing
    if name == "a.webm" and is_ffmpeg_5():
        coded = 0.007  # it tells the time of Opus with the coder's filling
    heard = [time_s + late_s for time_s in CLICKS]
    found = find_clicks(read_speech(clip), 16_000)
    assert found == pytest.approx(heard, abs=1.5 * MILLISECOND + coded)  # Matroska's ticks are milliseconds
    assert np.ptp(np.array(found) - heard) < MILLISECOND


def test_length_is_that_of_the_edit_list(make_clip: MakeClip, sound: Path) -> None:
    clip = make_clip("a.mp4", 25, 25, "-t", 1, inputs=("-i", sound))
    assert abs(len(read_speech(clip)) - 16_000) <= 16


def test_origin(make_clip: MakeClip, sound: Path) -> None:
    clip = make_clip("a.mp4", 45, 25, inputs=("-i", sound))
    assert find_clicks(read_speech(clip, origin_s=Fraction(1, 5)), 16_000) == pytest.approx([0.1, 0.5, 0.9], abs=1e-3)
    assert find_clicks(read_speech(clip, origin_s=Fraction(-1, 5)), 16_000) == pytest.approx([0.5, 0.9, 1.3], abs=1e-3)


def test_a_hole_in_the_sound_is_silence(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path, sound: Path) -> None:
    clip, holed = make_clip("a.mkv", 45, 25, "-c:a", "flac", inputs=("-i", sound)), tmp_path / "holed.mkv"
    ffmpeg("-i", clip, "-c", "copy", "-bsf:a", "noise=drop='between(pts*tb,0.45,0.6)'", holed)
    assert find_clicks(read_speech(holed), 16_000) == pytest.approx(CLICKS, abs=5e-3)


def test_no_sound(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no sound"):
        read_speech(make_clip("a.mp4", 3))
    photo = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=46x32", "-frames:v", 1, photo)
    with pytest.raises(InputError, match="has no sound"):
        read_speech(photo)


def test_empty_sound(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_speech(write_clicks(tmp_path / "a.wav", [], 0))


def test_real_speech(example_voice: Path) -> None:
    import soundfile

    stored, rate = soundfile.read(example_voice, dtype="float32")
    assert np.abs(read_speech(example_voice, rate) - stored).max() < 1e-4
