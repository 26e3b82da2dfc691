"""Slow: SIGKILL for any process of any command, and many runs of one command at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.synthesis_fixtures import save_people, save_talking_head

Run = Callable[..., "subprocess.CompletedProcess[str]"]
KILLS, RUNS = 100, 10
ORPHANS_S = 5.0
COMMANDS = (
    *("extract-frames", "detect-faces", "mels", "pack", "train", "infer", "score"),
    *("curves", "say", "export", "animate", "swap"),
)
NEEDED = {"animate": "face_recognition_models", "swap": "face_recognition_models", "export": "onnxscript"}
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def inputs(good: Path, example_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good inputs, and those of the commands that need others."""
    import soundfile

    folder = tmp_path_factory.mktemp("inputs") / "good"
    shutil.copytree(good, folder)
    save_talking_head(folder / "head.safetensors")
    save_people(folder / "people.safetensors")
    soundfile.write(folder / "voice.wav", *soundfile.read(example_voice))
    lines = [json.dumps({"kind": "train", "samples": samples, "generator/l1": 0.5}) for samples in (50, 100)]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def command_line(command: str, good: Path, voice: Path, output: Path) -> list[str]:
    """What makes `output` of the good inputs."""
    tiny = ["--weights", str(good / "tiny.safetensors"), "--device", "cpu"]
    lines = {
        "extract-frames": [good / "clips", output, "-j", "2"],
        "detect-faces": [good / "clips", output, "-j", "2"],
        "mels": [good / "clips", output, "-j", "2"],
        "pack": [good / "faces.h5", good / "mels.h5", output, "--test-per-speaker", "1"],
        "train": [good / "grid.h5", output, "--generator", "compact", "--batch-size", "2", "--max-samples", "8"],
        "infer": [good / "clip.mp4", voice, "-o", output, "--resume", "--no-cache", *tiny],
        "score": [good / "grid.h5", "-o", output, "--metrics", "reconstruction", "-j", "1", *tiny],
        "curves": [good / "log.jsonl", "-o", output],
        "say": ["Hello.", output, "--tts", f"cp {good / 'voice.wav'} {{out}}"],
        "export": [good / "tiny.safetensors", output],
        "animate": [good / "clip.mp4", voice, "-o", output, "--weights", good / "head.safetensors", "--device", "cpu"],
        "swap": [good / "clip.mp4", "-o", output, "--weights", good / "people.safetensors", "--to", "bob"],
    }
    return [command, *map(str, lines[command])]


def output_of(command: str, folder: Path) -> Path:
    suffix = {"extract-frames": "", "train": "", "infer": ".mp4", "score": ".jsonl", "curves": ".png", "say": ".wav"}
    suffix |= {"export": ".onnx", "animate": ".mp4", "swap": ".mp4"}
    return folder / f"out{suffix.get(command, '.h5')}"


def content(path: Path) -> object:
    """What has to be the same, however often the work was begun: bytes, but for clocks and command lines."""
    if path.is_dir():
        names = sorted(str(each.relative_to(path)) for each in path.rglob("*") if each.is_file())
        whole = [each for each in path.rglob("*") if each.suffix in (".safetensors", ".jpg", ".wav")]
        return names, [each.read_bytes() for each in sorted(whole)]
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [{name: value for name, value in line.items() if name not in ("command", "protocol")} for line in lines]
    return path.read_bytes()


def family(pid: int) -> list[int]:
    """A process and all its descendants, by their numbers."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(place.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def is_at_work(pid: int, began: str) -> bool:
    return started(pid) == began


def started(pid: int) -> str:
    """When a process started, which tells it from a later one of the same number; "" if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def kill_someone(line: list[str], moment_s: float, orphans_s: float, chance: random.Random) -> None:
    """Run a command line, kill one of its processes after so many seconds, then what is left of it, and see it go."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "lipsync_cli", *line], **quiet) as process:  # type: ignore[call-overload]
        try:
            process.wait(moment_s)
        except subprocess.TimeoutExpired:
            members = {pid: began for pid in family(process.pid) if (began := started(pid))}
            victim = chance.choice([process.pid, *members])
            for each in (victim, process.pid):
                try:
                    os.kill(each, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.wait()
            deadline = time.monotonic() + orphans_s
            while left := [pid for pid, began in members.items() if is_at_work(pid, began)]:
                assert time.monotonic() < deadline, f"{left} outlive {process.pid}, of which {victim} was killed"
                time.sleep(0.05)


def check_kills(command: str, num_kills: int, good: Path, voice: Path, lipsync: Run, folder: Path) -> None:
    wanted, output = (output_of(command, folder / name) for name in ("undisturbed", "killed"))
    for each in (wanted, output):
        each.parent.mkdir()
    began = time.monotonic()
    result = lipsync(*command_line(command, good, voice, wanted))
    assert result.returncode == 0, result.stderr
    lasts_s = time.monotonic() - began
    chance = random.Random(command)
    line = command_line(command, good, voice, output)
    orphans_s = ORPHANS_S
    for _ in range(num_kills):
        kill_someone(line, chance.uniform(0.05, 1.0) * lasts_s, orphans_s, chance)
        if output.is_file():
            assert content(output) == content(wanted)
            output.unlink()
    result = lipsync(*line)
    assert result.returncode == 0, result.stderr
    assert content(output) == content(wanted)
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def check_runs(command: str, num_runs: int, good: Path, voice: Path, folder: Path) -> None:
    output = output_of(command, folder)
    line = [sys.executable, "-m", "lipsync_cli", *command_line(command, good, voice, output)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(line, **pipes) for _ in range(num_runs)]  # type: ignore[call-overload]
    ends = [(run.communicate()[1], run.returncode) for run in runs]
    assert {code for _, code in ends} <= {0, 3}, ends
    assert any(code == 0 for _, code in ends), ends
    assert not [words for words, _ in ends if "Traceback" in words or "unexpected" in words]
    assert [path.name for path in folder.iterdir()] == [output.name]
    alone = output_of(command, folder / "alone")
    alone.parent.mkdir()
    subprocess.run(
        [sys.executable, "-m", "lipsync_cli", *command_line(command, good, voice, alone)],
        check=True,
        capture_output=True,
    )
    assert content(output) == content(alone)


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_any_process_killed_at_any_moment(
    command: str, inputs: Path, example_voice: Path, lipsync: Run, tmp_path: Path
) -> None:
    if command in NEEDED:
        pytest.importorskip(NEEDED[command])
    check_kills(command, -(-KILLS // len(COMMANDS)), inputs, example_voice, lipsync, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_many_runs_at_once(command: str, inputs: Path, example_voice: Path, tmp_path: Path) -> None:
    if command in NEEDED:
        pytest.importorskip(NEEDED[command])
    check_runs(command, RUNS, inputs, example_voice, tmp_path)
