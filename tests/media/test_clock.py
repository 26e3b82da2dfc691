"""A file whose clock starts again midway is refused by the time, on every way into the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline

CODINGS = {
    "a.mpg": ("-c:v", "mpeg1video", "-c:a", "mp2"),
    "a.mkv": ("-c:v", "libx264", "-bf", "3", "-g", "10", "-c:a", "aac"),
    "a.webm": ("-c:v", "libvpx", "-c:a", "libvorbis"),
}


def make_joined(make_clip: MakeClip, tmp_path: Path, name: str, times: int = 2) -> Path:
    sound = write_clicks(tmp_path / "clicks.wav", [0.5], 2)
    piece = make_clip(name, 50, 25, *CODINGS[name], inputs=("-i", sound))
    joined = tmp_path / f"joined{piece.suffix}"
    joined.write_bytes(piece.read_bytes() * times)
    return joined


@pytest.mark.parametrize("name", CODINGS)
def test_joined_recordings_are_refused_by_the_time(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    joined = make_joined(make_clip, tmp_path, name)
    for read in (read_timeline, read_speech):
        with pytest.raises(InputError, match=r"starts again after (1\.9|2\.0)\d s.*one by one"):
            read(joined)


@pytest.mark.parametrize("name", CODINGS)
def test_one_recording_is_read(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    single = make_joined(make_clip, tmp_path, name, times=1)
    assert read_timeline(single).num_frames == 50
    assert len(read_speech(single)) / 16_000 == pytest.approx(2, abs=0.05)


def test_pictures_out_of_order_in_the_file_are_no_second_recording(make_clip: MakeClip) -> None:
    clip = make_clip("open.mp4", 50, 25, "-bf", "3", "-g", "10", "-x264-params", "open-gop=1:b-adapt=0")
    assert read_timeline(clip) == Timeline.constant(25, 50)


def test_joined_sound_files_play_one_after_the_other(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    sound, piece = write_clicks(tmp_path / "clicks.wav", [0.5], 2), tmp_path / "a.ogg"
    ffmpeg("-i", sound, "-c:a", "libvorbis", piece)
    joined = tmp_path / "joined.ogg"
    joined.write_bytes(piece.read_bytes() * 2)
    assert len(read_speech(joined)) / 16_000 == pytest.approx(4, abs=0.05)
