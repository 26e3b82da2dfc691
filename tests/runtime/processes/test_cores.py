"""How many cores a process may use, and what it lets its libraries use."""

from __future__ import annotations

import os

from lipsync_cli.runtime.processes.cores import THREAD_VARIABLES, limit_cores, num_cores
from lipsync_cli.runtime.processes.workers import run_tasks


def limit(count: int) -> tuple[int, int, int, set[str]]:
    """Limit the cores of a worker process; say what it then uses."""
    import cv2

    cv2.setNumThreads(7)
    before = num_cores()
    limit_cores(count)
    return before, num_cores(), cv2.getNumThreads(), {os.environ[name] for name in THREAD_VARIABLES}


def test_a_limit_holds_for_what_is_loaded_and_for_what_is_started_later() -> None:
    ((_, (before, now, threads, variables), error),) = run_tasks(limit, [1], 1)
    assert error is None
    assert before >= now == threads == 1
    assert variables == {"1"}


def test_a_limit_above_what_there_is_changes_nothing() -> None:
    ((_, (before, now, _, _), _),) = run_tasks(limit, [4096], 1)
    assert before == now >= 1
