"""How the process ends: by a signal at any moment, and with a standard output that cannot be written.

Imported before everything else, and therefore light.
"""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from lipsync_cli.errors import ToolError

NO_THREAD = "can't start new thread"
DEADLINE_S = 4.0  # for what ends in good order after SIGTERM


def leave_at_interrupt(before: Callable[[int, FrameType | None], Any] = signal.default_int_handler) -> None:
    """Answer Ctrl-C by an end at once, unless the process was started to ignore it.

    Parameters
    ----------
    before : what answers it until now
    """
    if signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, _leave)


def handle_signals() -> None:
    """Answer SIGTERM by an end in good order that cannot take long, and Ctrl-C as `leave_at_interrupt` does."""
    leave_at_interrupt()
    signal.signal(signal.SIGTERM, _terminate)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in the block, once; the second one ends the process at once.

    Where `handle_signals` was not called nothing changes.
    """
    is_ours = signal.getsignal(signal.SIGINT) is _leave
    if is_ours:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, _leave)


def close_stdout() -> bool:
    """Write what is left in stdout, and tell whether that failed; signals do not disturb the rest of the end."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    failed = False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            failed = failed or (stream is sys.stdout and error.errno != errno.EPIPE)
            with suppress(OSError, ValueError):  # Python writes the rest again when it ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return failed


def _interrupt(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _leave)
    _end_tools()
    if is_short_of_threads():
        raise MemoryError(NO_THREAD)
    raise KeyboardInterrupt


def is_short_of_threads() -> bool:
    """Tell whether no thread can be started: OpenBLAS sends its own process SIGINT where it wants one and gets none."""
    try:
        _thread.start_new_thread(int, ())  # takes no lock, which the interrupted code may hold
    except RuntimeError:
        return True
    return False


def _terminate(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, _leave)
    late = threading.Timer(DEADLINE_S, _leave, (number, None))
    late.daemon = True
    late.start()
    _end_tools()
    raise SystemExit(128 + number)  # unwinds, so that temporary files go and child processes end


def _leave(number: int, _frame: FrameType | None) -> None:
    """End the process at once; temporary files and children go with it."""
    if "lipsync_cli.runtime.atomic_files" in sys.modules:
        from lipsync_cli.runtime.atomic_files import remove_private_files

        remove_private_files()
    _end_tools()
    code, text = 128 + number, "interrupted" if number == signal.SIGINT else ""
    if number == signal.SIGINT and is_short_of_threads():
        code, text = ToolError.exit_code, f"the memory does not suffice ({NO_THREAD})"
    if text:
        with suppress(OSError):
            os.write(2, f"lipsync: {text}\n".encode())
    os._exit(code)


def _end_tools() -> None:
    """End FFmpeg and the workers: threads that wait for them go on, and see that they are gone."""
    if "lipsync_cli.runtime.processes.children" in sys.modules:
        from lipsync_cli.runtime.processes.children import end_all

        end_all()
