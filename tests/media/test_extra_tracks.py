"""Further sound tracks, subtitles and chapters go with the film, in time."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, find_clicks, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.extra_tracks import keep_tracks, read_tracks
from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.metadata import read_marks, synthetic_tags

SUBTITLES = """1
00:00:00,500 --> 00:00:01,200
first words

2
00:00:02,000 --> 00:00:02,600
second words

3
00:00:04,000 --> 00:00:04,500
beyond the end
"""
CHAPTERS = r""";FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1500
title=one\; \= \#1
[CHAPTER]
TIMEBASE=1/1000
START=1500
END=4800
title=two
"""


@pytest.fixture
def origin(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> Path:
    """A Matroska of 5 s with two sound tracks, the second with clicks at 1 s and 2.5 s, subtitles and chapters."""
    first = write_clicks(tmp_path / "first.wav", [0.5], 5)
    second = write_clicks(tmp_path / "second.wav", [1.0, 2.5], 5)
    (tmp_path / "words.srt").write_text(SUBTITLES)
    (tmp_path / "chapters.txt").write_text(CHAPTERS)
    clip, output = make_clip("picture.mp4", 125), tmp_path / "origin.mkv"
    inputs = [option for file in (clip, first, second, tmp_path / "words.srt") for option in ("-i", file)]
    maps = [option for number in range(4) for option in ("-map", number)]
    codecs = ("-c:v", "copy", "-c:a:0", "aac", "-c:a:1", "ac3", "-c:s", "srt", "-metadata:s:a:1", "language=fra")
    ffmpeg(*inputs, "-i", tmp_path / "chapters.txt", *maps, "-map_chapters", 4, *codecs, output)
    return output


def make_film(path: Path, num_frames: int, timeline: Timeline | int = 25) -> Path:
    sound = write_clicks(path.with_suffix(".wav"), [0.25, 1.75], num_frames / 25, 16000)
    with VideoWriter(path, 64, 48, timeline, sound, tags=synthetic_tags("w", "0" * 64)) as writer:
        for number in range(num_frames):
            writer.write(np.full((48, 64, 3), 40 + number, np.uint8))
    return path


def subtitles_of(path: Path) -> str:
    command = [find_tool("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:s:0", "-f", "srt", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def second_sound(path: Path, tmp_path: Path) -> list[float]:
    alone = tmp_path / "alone.wav"
    command = [find_tool("ffmpeg"), "-v", "error", "-y", "-i", str(path), "-map", "0:a:1", "-ac", "1"]
    subprocess.run([*command, "-af", "aresample=48000:async=1:first_pts=0", str(alone)], check=True)
    return find_clicks(read_speech(alone, 48000), 48000)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
@pytest.mark.parametrize("start_s", [Fraction(0), Fraction(4, 5)], ids=["whole", "part"])
def test_tracks_go_with_the_film(origin: Path, tmp_path: Path, name: str, start_s: Fraction) -> None:
    film = make_film(tmp_path / f"film{Path(name).suffix}", 75)
    before = read_timeline(film), read_speech(film)
    output = tmp_path / name
    num_kept, left_out = keep_tracks(film, origin, output, Fraction(3), start_s, synthetic_tags("w", "0" * 64))
    assert (num_kept, left_out) == (4, [])
    assert read_timeline(output) == before[0] == Timeline.constant(25, 75)
    np.testing.assert_array_equal(read_speech(output), before[1])
    tracks, chapters = read_tracks(output)
    assert tracks[0][1:] == ("audio", "ac3", "fra")
    assert tracks[1].kind == "subtitle"
    assert len(tracks) == 2
    shift = float(start_s)
    assert second_sound(output, tmp_path) == pytest.approx([1.0 - shift, 2.5 - shift], abs=0.004)
    words = subtitles_of(output)
    assert "second words" in words
    assert "beyond" not in words
    assert ("00:00:00,500 --> 00:00:01,200" if start_s == 0 else "00:00:00,000 --> 00:00:00,400") in words
    assert f"00:00:0{2 - shift:.3f}".replace(".", ",") in words
    assert [title for _, _, title in chapters] == ["one; = #1", "two"]
    times_s = [float(moment) for chapter in chapters for moment in chapter[:2]]
    assert times_s == pytest.approx([0, 1.5 - shift, 1.5 - shift, 3], abs=0.002)
    picture, own = probe(output).video, probe(film).video
    assert picture is not None
    assert own is not None
    assert picture.start_s == own.start_s
    assert abs((probe(output).duration_s or 0) - (probe(film).duration_s or 0)) < 0.05
    assert read_marks(output)["synthetic"]


def test_a_film_of_variable_rate_keeps_its_times(origin: Path, tmp_path: Path) -> None:
    line = Timeline(np.cumsum([0, 33, 50, 17, 40, 101, 33, 60]), Fraction(1, 1000))
    film, output = make_film(tmp_path / "film.mp4", 7, line), tmp_path / "out.mp4"
    keep_tracks(film, origin, output, line.duration_s)
    assert read_timeline(output) == line


def test_what_does_not_fit_is_told(make_clip: MakeClip, tmp_path: Path) -> None:
    sounds = [write_clicks(tmp_path / f"{name}.wav", [0.5], 2) for name in "ab"]
    inputs = [option for sound in sounds for option in ("-i", sound)]
    maps = ("-map", 0, "-map", 1, "-map", 2)
    origin = make_clip("origin.mkv", 50, 25, *maps, "-c:a:1", "libvorbis", inputs=inputs)
    film = make_film(tmp_path / "film.mp4", 50)
    num_kept, left_out = keep_tracks(film, origin, tmp_path / "out.mp4", Fraction(2))
    assert num_kept == 0
    assert left_out == ["audio track 2 (vorbis)"]
    assert keep_tracks(make_film(tmp_path / "film.mkv", 50), origin, tmp_path / "out.mkv", Fraction(2)) == (1, [])
    with pytest.raises(InputError, match="cannot be written with its tracks"):
        keep_tracks(film, origin, tmp_path / "nowhere" / "out.mp4", Fraction(2))


def test_nothing_to_keep(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("plain.mp4", 50)
    assert read_tracks(clip) == ([], [])
    assert keep_tracks(make_film(tmp_path / "film.mp4", 50), clip, tmp_path / "out.mp4", Fraction(2)) == (0, [])
    assert read_timeline(tmp_path / "out.mp4") == Timeline.constant(25, 50)
