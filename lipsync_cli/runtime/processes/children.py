"""Programs and workers that are started here, and end when this process does, however it ends.

A guard, one shell, reads the numbers of the programs from a pipe and ends them when the pipe ends. Linux could do that
by itself (PR_SET_PDEATHSIG), but the program would have to be started by a copy of this process, which takes 25 times
as long. Workers, which are such copies anyway, ask the kernel: so all children start from one thread that lasts.
"""

from __future__ import annotations

import contextlib
import ctypes
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
# Lines "+ PID" and "- PID" say who is alive; at the end of the pipe all of them are ended.
GUARD = """
alive=
while read -r what pid; do
  rest=
  for each in $alive; do [ "$each" = "$pid" ] || rest="$rest $each"; done
  alive=$rest
  [ "$what" = + ] && alive="$alive $pid"
done
[ -z "$alive" ] || kill -9 $alive
"""


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
        process = subprocess.Popen(command, **options)
        self._at_work[process.pid] = process
        self._tell_guard(f"+ {process.pid}")
        if self._ending:  # a signal came in between
            process.kill()
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Take note that a program has ended and was waited for: its number may soon be another's."""
        if self._at_work.pop(process.pid, None) is not None:
            self._tell_guard(f"- {process.pid}")

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

    def _tell_guard(self, line: str) -> None:
        with self._lock:
            if self._guard is None:
                null = subprocess.DEVNULL
                self._guard = subprocess.Popen(
                    ["/bin/sh", "-c", GUARD],
                    stdin=subprocess.PIPE,
                    stdout=null,
                    stderr=null,
                    bufsize=0,
                    start_new_session=True,
                )
            assert self._guard.stdin is not None
            with contextlib.suppress(OSError):  # somebody has ended the guard
                self._guard.stdin.write(f"{line}\n".encode())


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
