"""One of FFmpeg's programs at work: read from, written to, and waited for, but not for ever.

A program that gives no data and uses no processor time is stuck, as on a network drive that does not answer; one that
computes may be silent for longer, as when it looks for a late frame in a long film.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from lipsync_cli.errors import ToolError
from lipsync_cli.runtime.processes import children

POLL_S = 1.0  # how often it is looked at while nothing comes
WRITE_LIMIT_SIGNAL = getattr(signal, "SIGXFSZ", None)  # ends a program whose file grows beyond a limit of the system
CRASH_HINT = "convert the file to MP4, or install another build of FFmpeg"


class Patience(NamedTuple):
    """How long a program may give nothing: idle, and at work, in seconds."""

    idle_s: float = 60.0
    silent_s: float = 6 * 3600.0  # a late frame of a long film without an index takes hours


PATIENCE = Patience()


class ToolProcess:
    """A program that was started, see `start_tool`.

    Parameters
    ----------
    command : the program's path, and its arguments
    patience : how long it may give nothing
    streams : stdin, stdout, stderr, pass_fds of Popen

    Raises
    ------
    OSError : from here: it cannot be started
    ToolError : from any method: it gave no sign of life for too long, and was ended
    """

    def __init__(self, command: list[str], patience: Patience = PATIENCE, **streams: Any) -> None:
        self.name = Path(command[0]).name
        self._patience = patience
        self._process = children.start(command, bufsize=0, **streams)
        self.stdin, self.stdout = self._process.stdin, self._process.stdout
        if self.stdin is not None:
            os.set_blocking(self.stdin.fileno(), False)

    @property
    def pid(self) -> int:
        """Its number among the processes of the system."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, less than 0 for a signal; None before `wait`."""
        return self._process.returncode

    def read(self, size: int) -> bytes:
        """Return at most so many bytes of its output as soon as there are any; none at the end."""
        assert self.stdout is not None
        self._wait_until(self.stdout, select.POLLIN)
        return self.stdout.read(size)

    def read_into(self, room: memoryview) -> int:
        """Fill a part of `room` with its output as soon as there is any, and return how much; 0 at the end."""
        assert self.stdout is not None
        self._wait_until(self.stdout, select.POLLIN)
        return self.stdout.readinto(room) or 0  # type: ignore[attr-defined]

    def write(self, data: bytes | memoryview) -> None:
        """Give it data; OSError if it is gone."""
        assert self.stdin is not None
        rest = memoryview(data)
        while rest:
            count = self.stdin.write(rest)
            if count is None:  # the pipe is full
                self._wait_until(self.stdin, select.POLLOUT)
            else:
                rest = rest[count:]

    def wait(self, output: Path | None = None) -> int:
        """Wait for its end and return the exit status; a file that it writes is a sign of life while it changes."""
        self._watch(self._has_ended, lambda: _change_of(output))
        status = self._process.wait()
        children.forget(self._process)
        return status

    def communicate(self, data: bytes | None = None) -> tuple[bytes, bytes]:
        """Give it data, and return what it gives on stdout and stderr when it has ended."""
        if self.stdin is not None:
            os.set_blocking(self.stdin.fileno(), True)
        found: list[tuple[bytes, bytes]] = []
        given = [data]  # the first call takes it all; Popen refuses to be given it again

        def is_done(wait_s: float) -> bool:
            try:
                found.append(self._process.communicate(given.pop() if given else None, timeout=wait_s))
            except subprocess.TimeoutExpired:
                return False
            return True

        self._watch(is_done)
        children.forget(self._process)
        return found[0]

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()

    def end(self) -> None:
        """End it at once, if it has not ended, and close its pipes."""
        self.kill()
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):  # it was full; the program is gone
                if pipe is not None:
                    pipe.close()
        self._process.wait()
        children.forget(self._process)

    def _wait_until(self, pipe: IO[bytes], event: int) -> None:
        poller = select.poll()
        poller.register(pipe, event)
        self._watch(lambda wait_s: bool(poller.poll(1000 * wait_s)))

    def _has_ended(self, wait_s: float) -> bool:
        """Wait so long for the end; where the system tells of it, that takes no time beyond."""
        with suppress(AttributeError, OSError):
            descriptor = os.pidfd_open(self._process.pid)
            try:
                poller = select.poll()
                poller.register(descriptor, select.POLLIN)
                return bool(poller.poll(1000 * wait_s))
            finally:
                os.close(descriptor)
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _watch(self, is_done: Callable[[float], bool], sign: Callable[[], object] = lambda: None) -> None:
        """Call `is_done` with a time to wait for, until it is True; end a program that gives no sign of life."""
        idle_s, silent_s = self._patience
        began = active = time.monotonic()
        before: object = None
        while not is_done(min(POLL_S, idle_s)):
            now, busy = time.monotonic(), _processor_time(self._process.pid)
            signs = (busy, sign())
            if busy is None or signs != before:
                before, active = signs, now
            if now - active >= idle_s or now - began >= silent_s:
                self.kill()
                self._process.wait()
                children.forget(self._process)
                raise ToolError(
                    f"{self.name} gave no sign of life for {min(idle_s, silent_s):.0f} s and was ended",
                    hint="look whether its files are on a drive that answers, and run it again",
                )


def check_crash(status: int | None, name: str, path: str | Path | None = None) -> None:
    """Raise ToolError if a program was ended by a signal, other than that of a file that may not grow."""
    if status is None or status >= 0 or -status == WRITE_LIMIT_SIGNAL:
        return
    number = -status
    called = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    hint = "the memory may have been short: close other programs" if called == "SIGKILL" else CRASH_HINT
    raise ToolError(f"{name} was ended by {called}", path, hint)


def _processor_time(pid: int) -> float | None:
    """Return the processor time that a process has used, in the system's ticks; None where that is not told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return float(fields[11]) + float(fields[12])
    except (OSError, ValueError, IndexError):
        return None


def _change_of(output: Path | None) -> object:
    try:
        return None if output is None else (output.stat().st_size, output.stat().st_mtime_ns)
    except OSError:
        return None
