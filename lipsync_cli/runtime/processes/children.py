"""Programs and workers that are started here, and end when this process does, however it ends.

A guard, one shell, waits for the end of a pipe, and ends its process group, in which all programs are started: they
join it before they run, and before they let go of the pipe, so that none is missed whenever this process is killed.
Linux could do that by itself (PR_SET_PDEATHSIG), but the program would have to be started by a copy of this process,
which takes 25 times as long. Workers, which are such copies anyway, ask the kernel: so all children start from one
thread that lasts.
"""

from __future__ import annotations

import ctypes
import functools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from lipsync_cli.errors import ToolError

R = TypeVar("R")

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_prctl: Any = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
GUARD = """trap '' HUP INT TERM; read -r _; kill -9 0"""


class Children:
    """Starts programs, knows those that are at work, and ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._at_work: dict[int, subprocess.Popen[bytes]] = {}
        self._ending = False

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program; the options are those of Popen.

        Raises
        ------
        OSError : it cannot be started
        ToolError : this process is ending
        """
        if self._ending:
            raise ToolError("the program is ending, nothing is started any more")
        return self.in_lasting_thread(lambda: self._start(command, options))

    def _start(self, command: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, **options, **_join(self._guard_group()))
        self._at_work[process.pid] = process
        if self._ending:  # a signal came in between
            process.kill()
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Take note that a program has ended and was waited for: its number may soon be another's."""
        self._at_work.pop(process.pid, None)

    def in_lasting_thread(self, work: Callable[[], R]) -> R:
        """Do what starts a process in the thread that lasts, where SIGINT is blocked: Ctrl-C is for this process."""
        done: Future[R] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lipsync-children", daemon=True)
                self._thread.start()
        self._jobs.put((work, done))
        return done.result()

    def end_all(self) -> None:
        """End every program that is at work, and start none any more; safe in a signal's handler."""
        self._ending = True
        for process in list(self._at_work.values()):
            if process.returncode is None:
                process.kill()

    def _run(self) -> None:
        while True:
            work, done = self._jobs.get()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # children begin with it, and keep it
            try:
                done.set_result(work())
            except BaseException as error:  # raised where it was asked for
                done.set_exception(error)
            del work, done

    def _guard_group(self) -> int:
        """Return the number of the guard's process group; a guard that somebody has ended is replaced."""
        if self._guard is None or self._guard.poll() is not None:
            null = subprocess.DEVNULL
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, stdout=null, stderr=null, bufsize=0, **_join(0)
            )
        return self._guard.pid


def _join(group: int) -> dict[str, Any]:
    """Options of Popen that put a program into a process group before it runs; 0 is one of its own."""
    if sys.version_info >= (3, 11):
        return {"process_group": group}
    return {"preexec_fn": functools.partial(os.setpgid, 0, group)}  # slower, but the same


class Bond:
    """Sent to a process that is started here, ends it with this one from the moment that it is unpickled there.

    That is before what is sent after it, whose imports may take seconds; `end_with_parent` does the rest. Where the
    kernel is not asked, nothing happens.
    """

    def __reduce__(self) -> tuple[Callable[[int], Bond], tuple[int]]:
        return _tie, (os.getpid(),)


def _tie(parent: int) -> Bond:
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before the kernel was asked
            os.kill(os.getpid(), signal.SIGKILL)
    return Bond()


def end_with_parent() -> None:
    """Make this process, a worker, end when the one that has started it does, and its own children with it."""
    from multiprocessing import connection, parent_process

    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])  # the end of a pipe
        end_all()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lipsync-parent", daemon=True).start()


_children = Children()
start, forget, end_all = _children.start, _children.forget, _children.end_all
in_lasting_thread = _children.in_lasting_thread
