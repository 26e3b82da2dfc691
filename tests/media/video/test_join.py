"""Pieces of a film, joined: every frame once, at its time, as it was coded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import find_clicks, number_of, numbered_frame, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.media.video.join import join
from lipsync_cli.provenance.audio_watermark import mark
from lipsync_cli.provenance.metadata import read_marks, synthetic_tags

UNEVEN = Timeline(np.cumsum([0, *([33, 50, 17, 40, 40, 40, 40, 101, 33, 60] * 4), 33, 50]), Fraction(1, 1000))
FILM, NTSC = Timeline.constant(25, 42), Timeline.constant(Fraction(30000, 1001), 42)


def write_pieces(folder: Path, line: Timeline, starts: list[int], **options: object) -> list[Path]:
    paths = []
    for start, stop in zip(starts, [*starts[1:], line.num_frames], strict=True):
        paths.append(folder / f"piece {start}.mp4")
        part = line.cut(start, stop)
        with VideoWriter(paths[-1], 128, 48, part, keep_clock=line is UNEVEN, **options) as writer:  # type: ignore[arg-type]
            for frame in range(start, stop):
                writer.write(numbered_frame(frame))
    return paths


@pytest.mark.parametrize(
    ("name", "line", "sound_mark"),
    [
        ("it's a?#%.mp4", FILM, True),
        ("a.mov", NTSC, False),
        ("a.mkv", NTSC, True),
        ("a.mp4", UNEVEN, False),
        ("b.mkv", UNEVEN, False),
    ],
    ids=["25", "29.97", "29.97 Matroska", "variable", "variable Matroska"],
)
def test_joined_pieces_are_the_film(tmp_path: Path, name: str, line: Timeline, sound_mark: bool) -> None:
    starts, folder = [0, 15, 30], tmp_path / "the 'pieces'"
    folder.mkdir()
    color = {"color_space": "smpte170m", "color_primaries": "bt709"}
    paths = write_pieces(folder, line, starts, color_tags=color, sample_aspect=Fraction(4, 3))
    decoded = [frame for path in paths for frame in read_frames(path)]
    sound = write_clicks(tmp_path / "s.wav", [0.4, 1.1], float(line.duration_s), 16000)
    output, whole = tmp_path / name, tmp_path / f"whole {name}"
    options = {"tags": synthetic_tags("w", "0" * 64), "change_sound": mark if sound_mark else None}
    join(paths, starts, line, output, sound, line.duration_s, **options)  # type: ignore[arg-type]
    told = {"color_tags": color, "sample_aspect": Fraction(4, 3), **options}
    with VideoWriter(whole, 128, 48, line, sound, line.duration_s, **told) as writer:  # type: ignore[arg-type]
        for frame in range(42):
            writer.write(numbered_frame(frame))
    frames = list(read_frames(output))
    assert [number_of(frame) for frame in frames] == list(range(42))
    assert all(np.array_equal(one, other) for one, other in zip(frames, decoded, strict=True))
    shown, wanted = read_timeline(output), read_timeline(whole)
    assert [shown.time(n) for n in range(42)] == [wanted.time(n) for n in range(42)]
    if not name.endswith("mkv"):  # whose clock is one of milliseconds
        assert shown == line
    assert np.array_equal(read_speech(output), read_speech(whole))
    assert find_clicks(read_speech(output), 16000) == pytest.approx([0.4, 1.1], abs=2e-3)
    assert read_marks(output)["synthetic"]
    one, other = probe(output).video, probe(whole).video
    assert one is not None
    assert other is not None
    assert (one.color_tags, one.sample_aspect) == (other.color_tags, other.sample_aspect)
    if not name.endswith("mkv"):
        assert one.rate == other.rate


def test_rounded_times_do_not_add_up(tmp_path: Path) -> None:
    """A frame of 29.97 frames per second lasts 33366.67 us: after 45 pieces of one frame no tick may be missing."""
    line = Timeline.constant(Fraction(30000, 1001), 45)
    starts = list(range(45))
    path = write_pieces(tmp_path, line.cut(0, 1), [0])[0]
    sound = write_clicks(tmp_path / "s.wav", [0.4], 1.5, 16000)
    join([path] * 45, starts, line, tmp_path / "a.mp4", sound, Fraction(3, 2))
    assert read_timeline(tmp_path / "a.mp4") == line


def test_what_cannot_be_joined(tmp_path: Path) -> None:
    line = Timeline.constant(25, 4)
    sound = write_clicks(tmp_path / "s.wav", [0.1], 1, 16000)
    with pytest.raises(InputError, match="no such file"):
        join([tmp_path / "none.mp4"], [0], line, tmp_path / "out.mp4", sound, Fraction(1))
    paths = write_pieces(tmp_path, line, [0, 2])
    with pytest.raises(InputError, match="cannot be written"):
        join(paths[:1], [0], line, tmp_path / "out.mp4", sound, Fraction(1))
    paths[1].write_bytes(b"no film")
    for marked in (False, True):
        with pytest.raises(InputError, match="cannot be written"):
            join(paths, [0, 2], line, tmp_path / "out.mp4", sound, Fraction(1), change_sound=mark if marked else None)
