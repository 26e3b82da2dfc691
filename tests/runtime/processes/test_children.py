"""Nothing that was started here outlives this process, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lipsync_cli.errors import ToolError
from lipsync_cli.runtime.processes.children import Children

PATIENCE_S = 30.0
PROGRAM = """
import subprocess, sys, threading, time
from lipsync_cli.runtime.processes.children import Children
from lipsync_cli.runtime.processes.workers import Worker
children = Children()
def work(task): return task
started = []
short = threading.Thread(target=lambda: started.append(children.start(["sleep", "1000"])))
short.start(); short.join()
print(started[0].pid, flush=True)
time.sleep(1000)
"""
KILLED_AS_IT_STARTS = """
import os, signal, subprocess
from lipsync_cli.runtime.processes.children import Children
class Popen(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        if command[0] == "sleep":
            print(self.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Popen
Children().start(["sleep", "1000"])
"""
GUARD_KILLED = """
import os, signal, subprocess, time
from lipsync_cli.runtime.processes.children import Children
guards = []
class Popen(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        guards.append(self) if command[0] == "/bin/sh" else None
subprocess.Popen = Popen
children = Children()
children.start(["sleep", "0"]).wait()
guards[0].kill()
guards[0].wait()
print(children.start(["sleep", "1000"]).pid, flush=True)
time.sleep(1000)
"""
WORKER = """
import subprocess, time
from lipsync_cli.runtime.processes.workers import Worker
import test_children
if __name__ == "__main__":
    worker = Worker(test_children.work_for_long)
    worker.connection.send(None)
    print(worker.process.pid, flush=True)
    time.sleep(1000)
"""


SLOW_MODULE = """
import os, time
if "SLOW" in os.environ:
    print(os.getpid(), flush=True)
    time.sleep(1000)
def work(_): pass
"""
STARTING_WORKER = """
import os, sys, time
sys.path.insert(0, {folder!r})
from lipsync_cli.runtime.processes.workers import Worker
import slow_module
if __name__ == "__main__":
    os.environ["SLOW"] = "1"
    worker = Worker(slow_module.work)
    time.sleep(1000)
"""


def work_for_long(_: object) -> None:
    from lipsync_cli.runtime.processes import children

    process = children.start(["sleep", "1000"])
    print(process.pid, flush=True)
    time.sleep(1000)


def is_at_work(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(map(is_at_work, pids)):
        assert time.monotonic() < deadline, f"{[pid for pid in pids if is_at_work(pid)]} are still at work"
        time.sleep(0.05)


def run_and_kill(program: str, lines: int) -> list[int]:
    """Run a program that prints the numbers of its children, kill it, and return the numbers."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(lines)]
        process.kill()
    return pids


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_program_ends_with_a_process_that_is_killed() -> None:
    """Although the thread that asked for it ended before."""
    wait_for_end(run_and_kill(PROGRAM, 1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("program", [KILLED_AS_IT_STARTS, GUARD_KILLED], ids=["as it starts", "guard killed before"])
def test_a_program_ends_with_a_process_that_is_killed_at_a_bad_moment(program: str) -> None:
    wait_for_end(run_and_kill(program, 1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_worker_and_its_program_end_with_a_process_that_is_killed() -> None:
    wait_for_end(run_and_kill(WORKER, 2))


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels are not asked")
def test_a_worker_that_still_imports_what_it_needs_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text(SLOW_MODULE)
    wait_for_end(run_and_kill(STARTING_WORKER.format(folder=str(tmp_path)), 1))


def test_a_program_outlives_the_thread_that_started_it() -> None:
    children, started = Children(), []
    thread = threading.Thread(target=lambda: started.append(children.start(["cat"], stdin=subprocess.PIPE)))
    thread.start()
    thread.join()
    with started[0] as process:
        process.stdin.close()
        assert process.wait() == 0


def test_ctrl_c_is_not_for_the_children() -> None:
    with Children().start(["sleep", "1000"]) as process:
        process.send_signal(signal.SIGINT)
        process.terminate()
    assert process.returncode == -signal.SIGTERM


def test_all_end_together_and_no_other_starts() -> None:
    children = Children()
    processes = [children.start(["sleep", "1000"]) for _ in range(3)]
    children.end_all()
    assert [process.wait() for process in processes] == [-signal.SIGKILL] * 3
    with pytest.raises(ToolError, match="ending"):
        children.start(["true"])


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        Children().start(["no-such-program"])
