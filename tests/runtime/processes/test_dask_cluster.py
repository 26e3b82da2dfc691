"""Tasks on a Dask cluster: a real scheduler with two workers, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.runtime.processes.cores import num_cores
from lipsync_cli.runtime.processes.dask_cluster import ClusterRunner, open_runner

HERE = Path(__file__).resolve().parent
PATIENCE_S = 120


def note_and_square(task: tuple[int, str]) -> int:
    """Square a number, slowly; who does it is noted in the folder that comes with the number."""
    number, folder = task
    (Path(folder) / f"{number}.{os.getpid()}").touch()
    time.sleep(0.3)
    if number < 0:
        raise InputError("is negative", str(number))
    return number * number


def count_cores(task: int) -> tuple[int, int]:
    import cv2

    return num_cores(), cv2.getNumThreads()


def test_without_a_cluster_processes_of_this_one_do_the_tasks(tmp_path: Path) -> None:
    with open_runner(None) as run:
        found = list(run(note_and_square, [(3, str(tmp_path))], 1))
    assert found == [((3, str(tmp_path)), 9, None)]


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolError, match=r"Dask is not installed; pip install 'lipsync-cli\[dask\]'"):
        with open_runner("local:2"):
            pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and its two workers."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'lipsync-cli[dask]'")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[2])])}
    place, log = tmp_path / "scheduler.json", (tmp_path / "log").open("wb")
    common: dict[str, object] = {"cwd": tmp_path, "env": environment, "stdout": log, "stderr": log}

    def start(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "distributed.cli." + words[0], *words[1:]], **common)  # type: ignore[call-overload]

    scheduler = start(
        "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)
    )
    worker = ["dask_worker", "--scheduler-file", str(place), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    workers = [start(*worker, "--local-directory", str(tmp_path / name)) for name in "ab"]
    try:
        ends = time.monotonic() + PATIENCE_S
        while not (place.exists() and place.stat().st_size) and time.monotonic() < ends:
            time.sleep(0.05)
        yield json.loads(place.read_text())["address"], workers
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()
        log.close()


def test_a_worker_that_is_killed_loses_its_task_only(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    notes = tmp_path / "notes"
    notes.mkdir()
    tasks = [(number, str(notes)) for number in (*range(12), -1)]
    found = {}
    with open_runner(address, PATIENCE_S) as run:
        for task, result, error in run(note_and_square, tasks, 0):
            found[task[0]] = result if error is None else str(error)
            both = {path.suffix for path in notes.iterdir()}
            if workers[0].poll() is None and len(both) == 2:
                os.kill(workers[0].pid, signal.SIGKILL)
                workers[0].wait()
    assert workers[0].returncode == -signal.SIGKILL
    assert found == {number: number**2 for number in range(12)} | {-1: "-1: is negative"}
    assert len(list(notes.iterdir())) > len(tasks)  # what was lost was done again


def test_a_worker_uses_as_many_cores_as_it_has_threads(cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    with open_runner(cluster[0], PATIENCE_S) as run:
        assert [found for _, found, _ in run(count_cores, range(4), 0)] == [(1, 1)] * 4


def is_profiled(task: int) -> bool:
    from dask import config

    return bool(config.get("distributed.worker.profile.enabled"))


def test_workers_that_are_started_here_do_not_sample_themselves() -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'lipsync-cli[dask]'")
    with open_runner("local:1", PATIENCE_S) as run:
        assert [found for _, found, _ in run(is_profiled, [1], 0)] == [False]


def test_mels_and_faces_of_a_cluster_are_those_of_one_process(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], clip_folder: Path, tmp_path: Path, lipsync, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink(clip_folder, tmp_path / "clips")  # relative names have to hold on the workers
    for command in ("mels", "detect-faces"):
        for name, options in (("one.h5", ["-j", "1"]), ("other.h5", ["--cluster", cluster[0]])):
            result = lipsync(command, "clips", f"{command}.{name}", *options)
            assert result.returncode == 0, result.stderr
        assert Path(f"{command}.one.h5").read_bytes() == Path(f"{command}.other.h5").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_nobody_at_the_address() -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'lipsync-cli[dask]'")
    with pytest.raises(ToolError, match="no Dask scheduler answers at tcp"):
        with open_runner("tcp://127.0.0.1:1", 0.5):
            pass


def test_workers_that_do_not_see_the_folder(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    from distributed import Client

    with Client(cluster[0]) as client, pytest.raises(InputError, match="none: a worker of the cluster cannot enter"):
        list(ClusterRunner(client, str(tmp_path / "none"))(note_and_square, [(1, str(tmp_path))]))


def test_scores_and_videos_of_a_cluster_are_those_of_one_process(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], good: Path, tiny_weights: Path, tmp_path: Path, lipsync
) -> None:
    words = ["score", good / "grid.h5", "--weights", tiny_weights, "--metrics", "reconstruction"]
    found = []
    for name, options in (("one.jsonl", []), ("other.jsonl", ["--cluster", cluster[0]])):
        result = lipsync(*words, "-o", tmp_path / name, *options)
        assert result.returncode == 0, result.stderr
        found.append([json.loads(line) for line in (tmp_path / name).read_text().splitlines()])
    for record in (found[0][0], found[1][0]):
        record.pop("command")
    assert found[0] == found[1]
    lines = [json.dumps({"speech": str(good / "clip.mp4"), "output": f"{name}.mp4"}) for name in "ab"]
    lines.append(json.dumps({"speech": str(tmp_path / "none.wav")}))
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    words = ["infer", good / "clip.mp4", "--messages", tmp_path / "list.jsonl", "--weights", tiny_weights]
    result = lipsync(*words, "-o", tmp_path / "videos", "--cluster", cluster[0])
    assert result.returncode == 5, result.stderr
    assert "none.wav: no such file" in result.stderr
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == ["a.mp4", "b.mp4"]
    assert lipsync(*words, "-o", tmp_path / "one").returncode == 5
    one, other = (list(read_frames(tmp_path / folder / "a.mp4")) for folder in ("one", "videos"))
    assert len(one) == len(other)
    assert all((mine == theirs).all() for mine, theirs in zip(one, other, strict=True))
