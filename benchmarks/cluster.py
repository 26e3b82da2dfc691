"""What a Dask cluster costs and gains: one worker and two, a core each, beside worker processes without Dask.

For each command (`detect-faces`, `mels`) the same clips are done again and again by one worker and by two, in turn, in
rounds, each worker bound to a core of its own; what starts is not counted: the clock runs from the moment when each
worker has done a clip to the last clip. Beside it stands the same without Dask, which says what two cores of this
machine are worth, and the processor time of the workers for a clip, which tells whether both cores were to be had. Then
a thousand tasks in which nothing is done say what Dask itself costs for a clip.

Usage: python benchmarks/cluster.py [CLIPS] [--folder FOLDER] [--rounds N]    (default: 24 clips of the example, 3)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infer import ROOT
from messages import cpu_s

EXAMPLES = ROOT / "examples" / "clips" / "s1"
EMPTY = 1000  # tasks in which nothing is done
PATIENCE_S = 300


@dataclass
class Round:
    """When clips were done, in seconds, and what the workers had used by then."""

    num_workers: int
    pids: Callable[[], list[int]]
    times_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)

    def __call__(self, done: int, total: int | None, what: str) -> None:
        if done:
            self.times_s.append(time.monotonic())
            self.cpus_s.append(sum(map(cpu_s, self.pids())))

    def clips_per_s(self) -> float:
        first = self.num_workers - 1  # since when all of them are at work
        return (len(self.times_s) - 1 - first) / (self.times_s[-1] - self.times_s[first])

    def cpu_per_clip_s(self) -> float:
        first = self.num_workers - 1
        return (self.cpus_s[-1] - self.cpus_s[first]) / (len(self.cpus_s) - 1 - first)


def nothing(task: int) -> int:
    return task


@contextmanager
def start_cluster(folder: Path, num_workers: int) -> Iterator[tuple[str, list[int]]]:
    """Start a scheduler, and workers with a core each; give its address and their process numbers."""
    place = folder / f"scheduler{num_workers}.json"
    python = [sys.executable, "-m"]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    quiet = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    environment = os.environ | one_thread | quiet | {"PYTHONPATH": paths}
    common: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": environment}
    words = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    started = [subprocess.Popen([*python, *words, "--scheduler-file", str(place)], **common)]
    words = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    for core in sorted(os.sched_getaffinity(0))[:num_workers]:
        place_of = ["--scheduler-file", str(place), "--local-directory", str(folder / f"worker{core}")]
        started.append(subprocess.Popen([*python, *words, *place_of], **common))
        os.sched_setaffinity(started[-1].pid, {core})
    try:
        ends = time.monotonic() + PATIENCE_S
        while not (place.exists() and place.stat().st_size) and time.monotonic() < ends:
            time.sleep(0.05)
        yield json.loads(place.read_text())["address"], [process.pid for process in started[1:]]
    finally:
        for process in started:
            process.kill()
            process.wait()


def do_clips(command: str, clips: Path, run: Any, seen: Round) -> Round:
    """Do what a command does, and throw it away."""
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.preprocessing.detect_faces import collect_faces
    from lipsync_cli.preprocessing.mels import collect_mels

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "out.h5")
        if command == "mels":
            collect_mels(clips, output, jobs=seen.num_workers, progress=seen, run=run)
        else:
            collect_faces(clips, output, CropRule(), jobs=seen.num_workers, progress=seen, run=run)
    return seen


def bind_children() -> list[int]:
    """Bind the worker processes of this one to a core each, and return their numbers."""
    found = []
    for task in os.listdir("/proc/self/task"):
        found += map(int, Path(f"/proc/self/task/{task}/children").read_text().split())
    workers = [pid for pid in sorted(found) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    for pid, core in zip(workers, sorted(os.sched_getaffinity(0)), strict=False):
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {core})
    return workers


def measure_once(command: str, kind: str, count: int, clips: Path) -> dict[str, float]:
    """Do the clips by so many workers: clips a second, and processor time of a clip and of this process for it."""
    from lipsync_cli.runtime.processes.dask_cluster import open_runner
    from lipsync_cli.runtime.processes.workers import run_tasks

    before_s = time.process_time()
    if kind == "processes":
        seen = do_clips(command, clips, run_tasks, Round(count, bind_children))
    else:
        with (
            tempfile.TemporaryDirectory() as folder,
            start_cluster(Path(folder), count) as (address, pids),
            open_runner(address, PATIENCE_S) as run,
        ):
            before_s = time.process_time()
            seen = do_clips(command, clips, run, Round(count, lambda: pids))
    own_s = (time.process_time() - before_s) / len(seen.times_s)
    return {"clips_per_s": seen.clips_per_s(), "cpu_s": seen.cpu_per_clip_s(), "own_cpu_s": own_s}


def measure(command: str, clips: Path, rounds: int) -> dict[str, Any]:
    """Do the clips by one worker and by two, with Dask and without, in turn; medians over the rounds."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for kind, count in (("dask", 1), ("processes", 1), ("dask", 2), ("processes", 2)):
            line = [sys.executable, __file__, "--once", command, kind, str(count), str(clips)]
            told = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]
            found.setdefault((kind, count), []).append(json.loads(told))
    result: dict[str, Any] = {}
    for kind in ("dask", "processes"):
        one, two = ([each["clips_per_s"] for each in found[kind, count]] for count in (1, 2))
        result[f"{command}_{kind}_clips_per_s"] = [round(statistics.median(rates), 2) for rates in (one, two)]
        pairs = [b / a for a, b in zip(one, two, strict=True)]
        result[f"{command}_{kind}_two_over_one"] = round(statistics.median(pairs), 2)
        for name in ("cpu_s", "own_cpu_s"):
            used = [statistics.median(each[name] for each in found[kind, count]) for count in (1, 2)]
            result[f"{command}_{kind}_{name}_per_clip"] = [round(value, 3) for value in used]
    return result


def measure_overhead(folder: Path) -> float:
    """Return what a task costs that does nothing, in milliseconds."""
    import cluster  # this file, under the name by which workers find it

    from lipsync_cli.runtime.processes.dask_cluster import open_runner

    with start_cluster(folder, 1) as (address, _), open_runner(address, PATIENCE_S) as run:
        list(run(cluster.nothing, range(10), 0))
        started = time.monotonic()
        list(run(cluster.nothing, range(EMPTY), 0))
        return 1000 * (time.monotonic() - started) / EMPTY


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=int, nargs="?", default=24)
    parser.add_argument("--folder", type=Path, default=EXAMPLES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", nargs=4, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.once:
        command, kind, count, folder_of_clips = options.once
        print(json.dumps(measure_once(command, kind, int(count), Path(folder_of_clips))))
        return
    sources = sorted(path for path in options.folder.iterdir() if path.suffix in (".mp4", ".mpg"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = folder / "clips" / "s1"
        clips.mkdir(parents=True)
        for number in range(options.clips):
            source = sources[number % len(sources)]
            shutil.copy(source, clips / f"{number:04d}{source.suffix}")
        result: dict[str, Any] = {"clips": options.clips, "rounds": options.rounds}
        for command in ("detect-faces", "mels"):
            result |= measure(command, clips.parent, options.rounds)
        result["dask_ms_per_task"] = round(measure_overhead(folder), 2)
        result["load"] = os.getloadavg()[0]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
