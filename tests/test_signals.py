"""The process ends when it is told to, with its code and no traceback, and nothing it started stays at work."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_cli.media.ffmpeg import find_tool

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]
CLIP = str(ROOT / "examples" / "clips" / "s1" / "swwi8n.mp4")
PATIENCE_S = 60.0
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
TWICE = """
import signal, sys, threading, time
from lipsync_cli import cli
from lipsync_cli.errors import StoppedError
from lipsync_cli.training.engine.signals import Interruption
signal.signal(signal.SIGINT, signal.default_int_handler)
def wait():
    with Interruption() as interruption:
        print("ready", flush=True)
        while not interruption.number {stays}:
            time.sleep(0.01)
    threading.Thread(target=time.sleep, args=(3,)).start()  # is waited for at the very end
    raise StoppedError(interruption.number, "stopped")
cli.app.command("wait")(cli.with_exit_codes(wait)); sys.argv = ["lipsync", "wait"]; cli.main()
"""


def start(*command: object, **options: object) -> subprocess.Popen[str]:
    line = [sys.executable, *map(str, command)]
    return subprocess.Popen(line, **PIPES, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("module", ["threading", "typer"])
def test_ctrl_c_while_the_program_is_imported(module: str, tmp_path: Path) -> None:
    """Also before the module that ends the program is imported, which takes the first of these."""
    (tmp_path / f"{module}.py").write_text("import time; print('ready', flush=True); time.sleep(60)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with start("-m", "lipsync_cli", "info", "-h", env={**os.environ, "PYTHONPATH": path}) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE_S)[1] == "lipsync: interrupted\n"
    assert process.returncode == 130


@pytest.mark.parametrize("moment", ["in a step", "at the end"])
def test_ctrl_c_twice_in_a_run_that_saves_itself(moment: str) -> None:
    with start("-c", TWICE.format(stays="or True" if moment == "in a step" else "")) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        if moment == "at the end":
            assert process.stderr.readline() == "lipsync: stopped\n"
        else:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 130
    assert errors in ("", "lipsync: interrupted\n")


NO_THREADS = """
import os, resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from lipsync_cli import cli
from lipsync_cli.commands.output import process_end
process_end.handle_signals()
def load():
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20),) * 2)
    os.kill(os.getpid(), signal.SIGINT)
if {in_command}:
    cli.app.command("load")(cli.with_exit_codes(load)); sys.argv = ["lipsync", "load"]; cli.main()
load()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("in_command", [True, False])
def test_a_library_that_interrupts_for_want_of_threads(in_command: bool) -> None:
    """OpenBLAS does so while it is imported; nobody has pressed Ctrl-C."""
    with start("-c", NO_THREADS.format(in_command=in_command)) as process:
        errors = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 6
    assert errors.startswith("lipsync: the memory does not suffice (can't start new thread)")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("line", [["-h"], ["infer", "-h"], ["--version"], ["config", "infer"], ["info", CLIP]])
def test_a_standard_output_that_is_full(line: list[str], lipsync_process: Run) -> None:
    with open("/dev/full", "w") as full:
        result = lipsync_process(*line, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        "lipsync: standard output: cannot be written (No space left on device); make room"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_standard_error_that_is_full(lipsync_process: Run, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        result = lipsync_process("info", tmp_path / "none", capture_output=False, stdout=subprocess.PIPE, stderr=full)
    assert result.returncode == 3


@pytest.fixture
def hanging_ffmpeg(tmp_path: Path) -> dict[str, str]:
    """An environment in which ffmpeg hangs, and leaves its number in `pids`; ffprobe works."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffprobe").symlink_to(find_tool("ffprobe"))
    (folder / "ffmpeg").write_text(f"#!/bin/sh\necho $$ >> '{tmp_path / 'pids'}'\nexec sleep 1000\n")
    (folder / "ffmpeg").chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("command", ["mels", "infer"])
def test_a_hanging_ffmpeg_holds_nothing(
    command: str,
    number: int,
    hanging_ffmpeg: dict[str, str],
    tiny_weights: Path,
    example_voice: Path,
    grid_dir: Path,
    tmp_path: Path,
) -> None:
    """In the process itself (infer) and in a worker (mels)."""
    shutil.copy(example_voice, tmp_path / "v.flac")
    film = next(grid_dir.rglob("*.mp4"))
    line = {
        "mels": ["mels", tmp_path / "v.flac", tmp_path / "out.h5"],
        "infer": ["infer", film, tmp_path / "v.flac", "--weights", tiny_weights, "-o", tmp_path / "out.mp4"],
    }[command]
    with start("-m", "lipsync_cli", *line, env=hanging_ffmpeg) as process:
        wait_until((tmp_path / "pids").exists, "ffmpeg was not started")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    assert "Traceback" not in errors
    is_told = command == "infer" and number != signal.SIGKILL
    assert errors.count("nothing of the video is kept; the same again begins anew") == is_told
    pids = [int(text) for text in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: all(map(is_gone, pids)), "ffmpeg is still at work")
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_of_many_messages_those_that_are_made_are_kept_and_told(
    number: int, tiny_weights: Path, example_voice: Path, tmp_path: Path
) -> None:
    voices, photo = [tmp_path / f"{place}.flac" for place in range(30)], ROOT / "examples" / "astronaut.jpg"
    for voice in voices:
        voice.symlink_to(example_voice)
    line = ["infer", photo, *voices, "-o", tmp_path / "out", "--weights", tiny_weights, "--no-cache"]
    with start("-m", "lipsync_cli", *line) as process:
        assert process.stdout.readline() == f"{tmp_path / 'out' / '0.mp4'}\n"
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    (number_told,) = re.findall(r"/out: (\d+) videos are made and kept; the same again makes the others\n", errors)
    assert 1 + len(output.splitlines()) <= int(number_told) <= len(list((tmp_path / "out").iterdir())) < len(voices)


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_cache_that_cannot_be_used_costs_a_line(
    place: str, clip_folder: Path, example_voice: Path, tiny_weights: Path, lipsync_process: Run, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("none")
    named = tmp_path / "cache" if place == "a file" else tmp_path / "cache" / "lipsync"
    line = ["infer", clip_folder / "ann" / "a1.mp4", example_voice, "--weights", tiny_weights, "--extend", "trim"]
    result = lipsync_process(*line, "-o", tmp_path / "out.mp4", env={**os.environ, "LIPSYNC_CACHE": str(named)})
    assert result.returncode == 0, result.stderr
    assert [line for line in result.stderr.splitlines() if "cache" in line] == [
        line for line in result.stderr.splitlines() if line.startswith(f"{named}: the cache cannot be used")
    ]
    assert result.stderr.count("the cache cannot be used") == 1
