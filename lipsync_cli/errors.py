"""The errors a user can meet: each one is a sentence and an exit code.

Exit codes: 0 done, 1 bug, 2 usage, 3 input missing or unreadable (or an output that exists), 4 nothing to work on,
5 some of many inputs failed, 6 a tool or device is missing or fails, 130 interrupted, 141 nobody reads the output any
more, 143 ended by SIGTERM.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a terminal obeys instead of showing it: C0 and C1 controls, marks that turn the direction of writing around,
# line separators; and halves of surrogate pairs, which no encoding takes.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_controls(text: str, kept: str = "") -> str:
    """Return a text in which what a terminal would obey is written as an escape sequence; `kept` stays."""
    return UNSAFE.sub(lambda found: found[0] if found[0] in kept else repr(found[0])[1:-1], text)


# How NumPy, torch, OpenCV, HDF5 and the dynamic linker tell of it, in errors of many types.
_NO_MEMORY = re.compile(
    r"^.*(allocate memory|failed to map segment|out of memory|unable to allocate|insufficient memory|bad_alloc"
    r"|not enough memory|can't start new thread).*$",
    re.IGNORECASE | re.MULTILINE,
)


_NO_TEMPORARY = "No usable temporary directory"  # how Python's tempfile tells of it
MEMORY_HINT = "end other programs, or raise the limit"


def find_memory_shortage(error: BaseException | None) -> str | None:
    """Return in words how an error, or one that it was made of, tells that memory is short; None if none does."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            if error.errno == errno.ENOMEM:
                return error.strerror
        elif isinstance(error, MemoryError):
            return (str(error).strip() or type(error).__name__).splitlines()[0]
        elif not isinstance(error, LipsyncError) and (found := _NO_MEMORY.search(str(error))):
            return found[0].strip()
        error = error.__cause__ or error.__context__
    return None


def as_machine_error(error: BaseException) -> ToolError | None:
    """Return what a user is told where memory is short or there is nowhere to put temporary files, None else."""
    if (reason := find_memory_shortage(error)) is not None:
        return ToolError(f"the memory does not suffice ({reason})", hint=MEMORY_HINT)
    met: BaseException | None = error
    while met is not None:
        if isinstance(met, FileNotFoundError) and str(met.strerror).startswith(_NO_TEMPORARY):
            fact = "no folder for temporary files can be written"
            return ToolError(fact, hint="make room, or set TMPDIR to a folder that can be")
        met = met.__cause__ or met.__context__
    return None


class LipsyncError(Exception):
    """A failure that is told in one line: the file, the fact, the next step.

    Parameters
    ----------
    fact : what is the case, as a clause without a full stop
    path : the file concerned, if there is one
    hint : what to do next, if there is something to do
    """

    exit_code = 1

    def __init__(self, fact: str, path: str | Path | None = None, hint: str | None = None) -> None:
        self.fact, self.path, self.hint = fact, path, hint
        where = f"{path}: " if path is not None else ""
        line = f"{where}{fact}" + (f"; {hint}" if hint else "")
        super().__init__(escape_controls(line))  # names may hold any

    def __reduce__(self):  # crosses process boundaries whole
        return type(self), (self.fact, self.path, self.hint)


def with_path(error: LipsyncError, path: str | Path | None) -> LipsyncError:
    """Return an error that names this file, if it names none yet."""
    return error if error.path is not None else type(error)(error.fact, path, error.hint)


@contextmanager
def naming(path: str | Path | None) -> Iterator[None]:
    """Name the file that a block is about, if it is one, in what is raised of an input and names none yet."""
    try:
        yield
    except (InputError, NothingToDoError) as error:
        raise with_path(error, path) from error


def check_name(path: str | Path) -> None:
    """Raise InputError if a path's name is not UTF-8: neither JSON nor FFmpeg's metadata could hold it."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        if (encoding := sys.getfilesystemencoding()) != "utf-8":
            fact = f"its name cannot be read in the encoding of this locale ({encoding})"
            raise InputError(fact, path, "set PYTHONUTF8=1") from None
        raise InputError("its name is not UTF-8", path, "rename it") from None


class UsageError(LipsyncError):
    """Options that contradict each other or make no sense."""

    exit_code = 2


class InputError(LipsyncError):
    """A file that is missing, unreadable, of another format, or an output that already exists."""

    exit_code = 3


class NothingToDoError(LipsyncError):
    """The input is fine, but holds nothing to work on: no face, no speech, no clips."""

    exit_code = 4


class PartialError(LipsyncError):
    """Some of many inputs failed; the others are done and kept."""

    exit_code = 5


class ToolError(LipsyncError):
    """A program or device is missing or does not work."""

    exit_code = 6


class StoppedError(LipsyncError):
    """A signal ended the work, which was saved before.

    Parameters
    ----------
    number : of the signal
    """

    def __init__(self, number: int, fact: str, path: str | Path | None = None, hint: str | None = None) -> None:
        super().__init__(fact, path, hint)
        self.number, self.exit_code = number, 128 + number

    def __reduce__(self):
        return type(self), (self.number, self.fact, self.path, self.hint)


class ReaderGoneError(LipsyncError):
    """Nobody reads the pipe that the output goes to any more: the work ends, and nothing is said."""

    exit_code = 141  # 128 and the number of SIGPIPE, as of other programs

    def __init__(self) -> None:
        super().__init__("nobody reads the output any more")

    def __reduce__(self):
        return type(self), ()
