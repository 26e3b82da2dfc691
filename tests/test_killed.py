"""SIGKILL at random moments: nothing partial at a final name, and the rerun ends with an undisturbed run's content."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
FEW, MANY = 1, 20


class Undisturbed(dict[str, tuple[float, Path]]):
    """What each command makes undisturbed, and how long it takes: command -> (seconds, output); made when asked for."""

    def __init__(self, run: Run, clips: Path, folder: Path) -> None:
        super().__init__()
        self._run, self._clips, self._folder = run, clips, folder

    def __missing__(self, verb: str) -> tuple[float, Path]:
        for needed in NEEDS.get(verb, ()):
            self[needed]
        output, started = self._folder / OUTPUTS[verb], time.monotonic()
        result = self._run(*command(verb, self._clips, self._folder, output))
        assert result.returncode == 0, result.stderr
        self[verb] = (time.monotonic() - started, output)
        return self[verb]


@pytest.fixture(scope="module")
def made(clip_folder: Path, lipsync_process: Run, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The undisturbed outputs that the tests of this file share."""
    return Undisturbed(lipsync_process, clip_folder, tmp_path_factory.mktemp("undisturbed"))


NEEDS = {"pack": ("detect-faces", "mels"), "train": ("pack",)}
OUTPUTS = {"detect-faces": "faces.h5", "mels": "mels.h5", "pack": "grid.h5", "train": "run"}


def command(verb: str, clips: Path, inputs: Path, output: Path) -> list[str]:
    """The command line that makes `output`; what it reads lies in `clips` and `inputs`."""
    if verb in ("detect-faces", "mels"):
        return [verb, str(clips), str(output), "--jobs", "2"]
    if verb == "pack":
        split = ["--test-per-speaker", "0", "--validation-per-speaker", "1"]
        return [verb, str(inputs / "faces.h5"), str(inputs / "mels.h5"), str(output), *split]
    small = ["--generator", "compact", "--batch-size", "2", "--max-samples", "12", "--checkpoint-every", "4"]
    return [verb, str(inputs / "grid.h5"), str(output), *small, "--validate-every", "4", "--device", "cpu"]


def content(path: Path) -> object:
    """What has to be the same however often the work was killed: bytes, but for a run's clock."""
    if path.is_file():
        return path.read_bytes()
    log = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    log = [{key: value for key, value in line.items() if not key.endswith(("_s", "minutes", "per_s"))} for line in log]
    weights = {file.name: file.read_bytes() for file in path.glob("*.safetensors")}
    return log, weights, sorted(file.name for file in path.rglob("*") if file.is_file())


def is_finished(verb: str, output: Path) -> bool:
    """Whether the verb's output stands at its final name (a run folder is there from the start)."""
    return output.exists() and verb != "train"


def kill_after(line: list[str], moment_s: float) -> bool:
    """Run the command line and kill it after so many seconds; False if it had ended by itself."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "lipsync_cli", *line], **quiet) as process:  # type: ignore[call-overload]
        try:
            process.wait(moment_s)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            return True


def check_killed(verb: str, num_kills: int, made: Undisturbed, clips: Path, folder: Path) -> None:
    """Kill the verb again and again, each time going on from what the last kill left; then let it finish."""
    lasts_s, wanted = made[verb]
    output = folder / OUTPUTS[verb]
    line = command(verb, clips, wanted.parent, output)
    moments = random.Random(f"{verb} {num_kills}")
    for _ in range(num_kills):
        kill_after(line, moments.uniform(0.1, 1.0) * lasts_s)
        if is_finished(verb, output):
            assert content(output) == content(wanted)
            output.unlink()
    deadline = time.monotonic() + 20
    while True:  # workers of a killed run may need a moment to notice that they are alone
        result = subprocess.run([sys.executable, "-m", "lipsync_cli", *line], capture_output=True, text=True)
        if result.returncode == 0 or "another run" not in result.stderr or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert result.returncode == 0, result.stderr
    assert content(output) == content(wanted)
    assert [path.name for path in folder.iterdir()] == [output.name], "something was left behind"


def test_killed_and_run_again(made: Undisturbed, clip_folder: Path, tmp_path: Path) -> None:
    """The one that takes least; the others are among the slow tests."""
    check_killed("mels", FEW, made, clip_folder, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("verb", OUTPUTS)
def test_killed_many_times(verb: str, made: Undisturbed, clip_folder: Path, tmp_path: Path) -> None:
    check_killed(verb, MANY, made, clip_folder, tmp_path)


def test_infer_killed_leaves_nothing_at_the_final_name(
    clip_folder: Path, tiny_weights: Path, lipsync: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    voice = request.config.rootpath / "examples" / "speech.flac"
    face, output = tmp_path / "face.mp4", tmp_path / "out.mp4"
    shutil.copy(clip_folder / "ann" / "a1.mp4", face)
    line = ["infer", str(face), str(voice), "--output", str(output), "--weights", str(tiny_weights)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "lipsync_cli", *line], **quiet) as process:  # type: ignore[call-overload]
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.01)  # until the encoder has begun its file, under a private name
        process.kill()
    assert process.returncode < 0, "it ended before it could be killed"
    assert not output.exists()
    assert len(list(tmp_path.iterdir())) > 1, "killed before anything was written"
    assert lipsync(*line).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.mp4", "out.mp4"]
