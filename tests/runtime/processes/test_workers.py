"""Worker processes: results, failures, and workers that die."""

import os
import signal
import time

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.processes.workers import run_tasks


def work(task):
    kind, value = task
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "leave":
        os._exit(3)
    if kind == "refuse":
        raise InputError("is damaged")
    if kind == "bug":
        raise ZeroDivisionError("by zero")
    if kind == "full":
        raise OSError(28, "No space left on device", "somewhere")
    if kind == "threads":
        import cv2

        return os.environ["OMP_NUM_THREADS"], cv2.getNumThreads()
    if kind == "sleep":
        time.sleep(value)
    return value * 2


def test_a_dying_worker_costs_its_own_task_only():
    tasks = [("ok", 1), ("die", 0), ("ok", 2), ("refuse", 0), ("bug", 0), ("leave", 0), ("ok", 3)]
    done = {task: (result, error) for task, result, error in run_tasks(work, tasks, 2)}
    assert len(done) == len(tasks)
    assert [done["ok", value][0] for value in (1, 2, 3)] == [2, 4, 6]
    assert "killed by SIGKILL" in str(done["die", 0][1])
    assert "code 3" in str(done["leave", 0][1])
    assert isinstance(done["refuse", 0][1], InputError)
    assert "ZeroDivisionError" in str(done["bug", 0][1])


def test_a_full_disk_stops_the_work():
    with pytest.raises(InputError, match="No space left"):
        list(run_tasks(work, [("full", 0), ("ok", 1)], 1))


def test_workers_end_with_the_loop():
    results = run_tasks(work, [("ok", 1), ("sleep", 60), ("threads", 0)], 2)
    started = time.monotonic()
    assert next(results)[1] == 2
    results.close()
    assert time.monotonic() - started < 20


def test_no_tasks():
    assert list(run_tasks(work, [], 4)) == []


def test_workers_use_one_thread_each(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert [result for _, result, _ in run_tasks(work, [("threads", 0)], 1)] == [("1", 1)]
    assert os.environ["OMP_NUM_THREADS"] == "7"
