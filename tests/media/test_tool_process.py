"""Programs that hang, crash or are silent."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.tool_process import Patience, ToolProcess, check_crash
from lipsync_cli.media.video.decode import read_frames

SHORT = Patience(idle_s=0.3, silent_s=60)


def start(script: str, patience: Patience = SHORT, **streams: int) -> ToolProcess:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | streams
    return ToolProcess(["sh", "-c", script], patience, **pipes)


def test_output_that_does_not_come_ends_the_program() -> None:
    process = start("printf some; exec sleep 1000")
    room = memoryview(bytearray(4))
    assert process.read_into(room) == 4
    with pytest.raises(ToolError, match="sh gave no sign of life"):
        process.read(1)
    assert process.returncode == -signal.SIGKILL


def test_a_pipe_that_is_not_emptied_ends_the_program() -> None:
    process = start("exec sleep 1000", stdin=subprocess.PIPE)
    with pytest.raises(ToolError, match="no sign of life"):
        process.write(bytes(10 << 20))


@pytest.mark.parametrize("how", ["wait", "communicate"])
def test_an_end_that_does_not_come_ends_the_program(how: str) -> None:
    process = start("exec sleep 1000")
    with pytest.raises(ToolError, match="no sign of life"):
        getattr(process, how)()


def test_a_file_that_grows_is_a_sign_of_life(tmp_path: Path) -> None:
    path = tmp_path / "film"
    process = start(f"for n in 1 2 3 4 5 6 7 8; do echo $n >> {path}; sleep 0.15; done")
    assert process.wait(path) == 0


def test_a_program_that_computes_may_be_silent() -> None:
    process = start("n=0; while [ $n -lt 300000 ]; do n=$((n + 1)); done; printf end", Patience(1.0, 600))
    assert process.read(10) == b"end"
    assert process.wait() == 0


def test_a_program_that_computes_is_not_silent_for_ever() -> None:
    process = start("while :; do :; done", Patience(60, 0.5))
    with pytest.raises(ToolError, match="no sign of life"):
        process.read(1)


def test_what_is_given_and_taken_is_whole() -> None:
    process = start("exec cat", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.communicate(bytes(3 << 20)) == (bytes(3 << 20), b"")
    process.end()
    assert process.returncode == 0


def test_a_program_that_takes_its_time_is_given_the_data_once() -> None:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = ToolProcess(["sh", "-c", "sleep 1.5; cat"], **pipes)
    assert process.communicate(b"a text") == (b"a text", b"")


def test_crashes_are_told_by_the_signal() -> None:
    for number, word in ((signal.SIGSEGV, "SIGSEGV"), (signal.SIGKILL, "memory"), (63, "ended by")):
        with pytest.raises(ToolError, match=word):
            check_crash(-number, "ffmpeg", "a.mp4")
    check_crash(-signal.SIGXFSZ, "ffmpeg")
    check_crash(1, "ffmpeg")


@pytest.fixture
def crashing_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An FFmpeg that crashes over everything, beside an ffprobe that works; a copy of the example sound."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffprobe").symlink_to(find_tool("ffprobe"))
    (folder / "ffmpeg").write_text("#!/bin/sh\nkill -SEGV $$\n")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    find_tool.cache_clear()
    yield folder
    find_tool.cache_clear()


def test_a_decoder_that_crashes_is_no_damaged_file(crashing_ffmpeg: Path, example_voice: Path, grid_dir: Path) -> None:
    with pytest.raises(ToolError, match=r"speech.flac: ffmpeg was ended by SIGSEGV"):
        read_speech(example_voice)
    film = next(grid_dir.rglob("*.mp4"))
    with pytest.raises(ToolError, match=rf"{film.name}: ffmpeg was ended by SIGSEGV"):
        list(read_frames(film))


def test_a_probe_that_crashes_is_no_damaged_file(crashing_ffmpeg: Path, tmp_path: Path) -> None:
    (crashing_ffmpeg / "ffprobe").unlink()
    (crashing_ffmpeg / "ffprobe").symlink_to(crashing_ffmpeg / "ffmpeg")
    (tmp_path / "a.mp4").write_bytes(b"film")
    find_tool.cache_clear()
    with pytest.raises(ToolError, match=r"a.mp4: ffprobe was ended by SIGSEGV") as caught:
        probe(tmp_path / "a.mp4")
    assert not isinstance(caught.value, InputError)
    assert caught.value.exit_code == 6
