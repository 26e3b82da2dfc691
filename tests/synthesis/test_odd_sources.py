"""Whole films of odd sources: as many frames as planned, from 0 on, and sound as long as the speech."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from fixtures.jobs import make_film, prepare
from fixtures.media_clips import Ffmpeg
from fixtures.media_fixtures import ffmpeg

from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames

__all__ = ["ffmpeg"]

SPEECH_S = 0.5
NTSC = Fraction(30000, 1001)
# What FFmpeg makes of a clip (also late), a sound (also late) and subtitles; the name; the frames a second.
SOURCES: dict[str, tuple[tuple[object, ...], str, Fraction]] = {
    "5 frames a second": (("-map", "0:v", "-r", "5"), "a.mp4", Fraction(5)),
    "120 frames a second": (("-map", "0:v", "-r", "120"), "a.mp4", Fraction(120)),
    "one frame": (("-map", "0:v", "-frames:v", "1"), "a.mp4", NTSC),
    "sound that starts late": (("-map", "0:v", "-map", "2:a", "-c:v", "copy"), "a.mp4", NTSC),
    "a picture that starts late": (("-map", "3:v", "-map", "1:a", "-c:v", "copy"), "a.mp4", NTSC),
    "sound before the picture": (("-map", "1:a", "-map", "0:v", "-c:v", "copy"), "a.mp4", NTSC),
    "subtitles before the picture": (("-map", "4:s", "-map", "0:v", "-c:v", "copy", "-c:s", "mov_text"), "a.mp4", NTSC),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_film_of_an_odd_source_is_as_long_as_the_speech(
    kind: str,
    ffmpeg: Ffmpeg,
    face_clip: Path,
    voice_file: Callable[[float], Path],
    weights: Path,
    tmp_path: Path,
) -> None:
    options, name, rate = SOURCES[kind]
    source, words, voice = tmp_path / name, tmp_path / "words.srt", voice_file(SPEECH_S)
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    late = ("-itsoffset", "0.4")
    inputs = ("-i", face_clip, "-i", voice, *late, "-i", voice, *late, "-i", face_clip, "-i", words)
    ffmpeg(*inputs, *options, source)
    output = tmp_path / "out.mp4"
    with prepare(source, voice, output, weights) as job:
        result = make_film(job)
    num_frames = ceil(Fraction(SPEECH_S) * rate)
    assert result.num_frames == num_frames
    assert read_timeline(output) == Timeline.constant(rate, num_frames)
    assert sum(1 for _ in read_frames(output)) == num_frames
    assert abs(len(read_speech(output)) / 16000 - SPEECH_S) < 1e-3
    info = probe(output)
    assert info.video is not None
    assert info.video.start_s == info.start_s
