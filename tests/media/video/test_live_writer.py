"""A live film is coded as its frames and its sound come."""

from __future__ import annotations

import os
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError, ReaderGoneError, UsageError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.live_writer import LiveWriter, Target, find_target
from lipsync_cli.provenance.audio_watermark import mark

RATE = Fraction(30000, 1001)


def fill(writer: LiveWriter, width: int, height: int, num_frames: int = 30) -> None:
    """Write grey frames, and a click in the middle of the sound."""
    for number in range(num_frames):
        writer.write(np.full((height, width, 3), 8 * number % 256, np.uint8))
        start, stop = round(number / RATE * 24000), round((number + 1) / RATE * 24000)
        sound = np.zeros((stop - start, 1), np.float32)
        sound[:20] = 0.5 * (number == 15)
        writer.write_sound(sound)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_frames_and_sound_stay_together(name: str, tmp_path: Path) -> None:
    target = find_target(str(tmp_path / name))
    with LiveWriter(target, 63, 48, RATE, 24000, 1, tags={"comment": "synthetic"}) as writer:
        fill(writer, 63, 48)
    frames = list(read_frames(tmp_path / name))
    assert len(frames) == 30
    assert [round(float(frame.mean()) / 8) for frame in frames] == list(range(30))
    assert float(read_timeline(tmp_path / name).rate) == pytest.approx(float(RATE), rel=0.01)
    heard = read_speech(tmp_path / name)
    assert len(heard) == pytest.approx(16000 * 30 / RATE, abs=2500)
    assert np.abs(heard).argmax() == pytest.approx(16000 * 15 / float(RATE), abs=160)
    assert ("comment" in {key.lower() for key in probe(tmp_path / name).tags}) is target.holds_tags


def test_pipe_that_nobody_reads_ends_it() -> None:
    source, sink = os.pipe()
    os.close(source)

    def write() -> None:
        with LiveWriter(Target("-", "matroska", sink), 64, 48, RATE, 24000, 1) as writer:
            fill(writer, 64, 48, 400)

    with pytest.raises(ReaderGoneError):
        write()
    os.close(sink)


def test_target_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    def write() -> None:
        with LiveWriter(find_target(str(tmp_path / "missing" / "a.mkv")), 64, 48, RATE, 24000, 1) as writer:
            fill(writer, 64, 48, 400)

    with pytest.raises(InputError, match="cannot be written"):
        write()


def test_stream_goes_through_a_pipe(tmp_path: Path) -> None:
    with (
        open(tmp_path / "got.mkv", "wb") as file,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as reader,
    ):
        assert reader.stdin is not None
        with LiveWriter(find_target("-", None, reader.stdin.fileno()), 64, 48, RATE, 24000, 1) as writer:
            fill(writer, 64, 48)
        reader.stdin.close()
    assert len(list(read_frames(tmp_path / "got.mkv"))) == 30


@pytest.mark.parametrize(
    ("name", "container", "wanted"),
    [
        ("-", None, "matroska"),
        ("-", "mpegts", "mpegts"),
        ("udp://127.0.0.1:5000", None, "mpegts"),
        ("rtmp://host/app/key", None, "flv"),
        ("a.mov", None, "mov"),
        ("a", "mp4", "mp4"),
    ],
)
def test_container_is_that_of_the_target(name: str, container: str | None, wanted: str) -> None:
    target = find_target(name, container)
    assert target.container == wanted
    assert target.is_file is (not name.startswith(("udp", "rtmp", "-")) or name == "-")


@pytest.mark.parametrize("name", ["http://host/a.mp4", "concat://a", "a.gif", "a"])
def test_other_targets_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        find_target(name)


def test_frames_larger_than_a_pipe_do_not_wait_for_sound_that_comes_after_them(tmp_path: Path) -> None:
    """The encoder hears some sound before it takes a second frame, and the mark holds sound back."""

    def write() -> None:
        target = find_target(str(tmp_path / "a.mkv"))
        with LiveWriter(target, 1280, 720, Fraction(25), 16000, 1, change_sound=mark) as writer:
            for number in range(12):
                writer.write(np.full((720, 1280, 3), 20 * number, np.uint8))
                writer.write_sound(np.zeros((640, 1), np.float32))
        written.set()

    written = threading.Event()
    threading.Thread(target=write, daemon=True).start()
    assert written.wait(60)
    assert len(list(read_frames(tmp_path / "a.mkv"))) == 12
