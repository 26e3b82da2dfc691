"""Programs and workers that are started here, and end when this process does, however it ends.

On Linux the kernel ends a child when the thread that started it is gone; so all children start from one thread that
lasts. Elsewhere a guard, one shell, reads their numbers from a pipe and ends them when the pipe ends.
"""

from __future__ import annotations

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
    """Starts programs, knows those that are at work, and ends them.

    Parameters
    ----------
    by_kernel : whether the kernel ends them with this process; else a guard does
    """

    def __init__(self, by_kernel: bool = _prctl is not None) -> None:
        self._by_kernel = by_kernel
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
        if self._by_kernel:
            options["preexec_fn"] = _end_with(os.getpid())
        return self.in_lasting_thread(lambda: self._start(command, options))

    def _start(self, command: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, **options)
        for pid, other in list(self._at_work.items()):
            if other.returncode is not None:
                self._at_work.pop(pid, None)
                self._tell_guard(f"- {pid}")
        self._at_work[process.pid] = process
        self._tell_guard(f"+ {process.pid}")
        if self._ending:  # a signal came in between
            process.kill()
        return process

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
        if self._by_kernel:
            return
        if self._guard is None:
            self._guard = subprocess.Popen(
                ["sh", "-c", GUARD], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
            )
        assert self._guard.stdin is not None
        self._guard.stdin.write(f"{line}\n".encode())


def _end_with(parent: int) -> Callable[[], None]:
    """Return what a child calls before it becomes another program: it ends when this process does."""

    def prepare() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


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
start, in_lasting_thread, end_all = _children.start, _children.in_lasting_thread, _children.end_all
