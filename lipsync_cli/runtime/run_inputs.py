"""The files that a run reads: how much of them at most, and nothing of the same run may replace or remove one.

A run names what it reads by `keep_inputs`. Everything that writes or removes files asks here first: `check_output`,
`atomic_output`, and whatever clears away what an earlier run has left.
"""

from __future__ import annotations

import os
import re
import select
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_cli.errors import InputError

Identity = tuple[int, int]  # device and inode: the same for every link to a file

# What is read of a folder that is an input: clips and their frames, weights, transcripts. Results that an earlier run
# has put beside them, such as an HDF5 file, may be overwritten.
READ_IN_FOLDERS = re.compile(
    r".+\.(3gp|avi|flv|m2ts|m4v|mkv|mov|mp4|mpeg|mpg|mts|ogv|ts|vob|webm|wmv"
    r"|aac|aif|aiff|flac|m4a|mp3|oga|ogg|opus|wav|wma|jpe?g|align|safetensors)|\d{6}\.png|frames\.json",
    re.IGNORECASE,
)


BLOCK_BYTES = 1 << 20
SMALL_BYTES = 16 << 20  # of options, certificates and what else is written by hand


class _Inputs:
    """The inputs of one run; what folders hold is listed when it is first asked for."""

    def __init__(self, paths: Iterable[Path]) -> None:
        found = {path: identity for path in paths if (identity := identify(path)) is not None}
        self.folders = {identity: path for path, identity in found.items() if path.is_dir()}
        self._files = {identity for identity in found.values() if identity not in self.folders}
        self._inside: set[Identity] | None = None

    def holds(self, identity: Identity) -> bool:
        """Tell whether a file is one of them."""
        if identity in self._files:
            return True
        if self._inside is None:
            self._inside = {each for folder in self.folders.values() for each in _list(folder)}
        return identity in self._inside


_lock = threading.Lock()
_kept: list[_Inputs] = []


@contextmanager
def keep_inputs(paths: Iterable[Path | None]) -> Iterator[None]:
    """Keep files, and what is read of folders, from being replaced or removed while the block lasts.

    Parameters
    ----------
    paths : None, and what is not there, is passed over; of a link, what it leads to counts, whatever its names
    """
    inputs = _Inputs(path for path in paths if path is not None)
    with _lock:
        _kept.append(inputs)
    try:
        yield
    finally:
        with _lock:
            _kept.remove(inputs)


def is_input(path: Path) -> bool:
    """Tell whether a file is an input of a run that goes on, under this or another name."""
    if not _kept or (identity := identify(path)) is None:
        return False
    with _lock:
        return any(inputs.holds(identity) for inputs in _kept)


def is_input_folder(path: Path) -> bool:
    """Tell whether a folder is itself an input of a run that goes on, under this or another name."""
    identity = identify(path)
    with _lock:
        return identity is not None and any(identity in inputs.folders for inputs in _kept)


def identify(path: Path) -> Identity | None:
    """Return what a file has in common with every other name of it; None if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


class MappedFile:
    """A file that is mapped into memory: what is read beyond an end that has moved since would kill the process.

    Parameters
    ----------
    path : of the file, as it is when it is mapped
    """

    def __init__(self, path: Path) -> None:
        status = os.stat(path)
        self._path, self._identity, self._size = path, (status.st_dev, status.st_ino), status.st_size

    def check(self) -> None:
        """Raise InputError if the file has become shorter; one that was replaced or removed stays mapped as it was."""
        try:
            status = os.stat(self._path)
        except OSError:
            return
        if (status.st_dev, status.st_ino) == self._identity and status.st_size < self._size:
            raise InputError("was cut short while it was read", self._path, "make it again")


def open_input(path: Path, *, takes_pipes: bool = False) -> int:
    """Open a file for reading without waiting for it, and return its descriptor; the caller closes it.

    Raises
    ------
    OSError : it cannot be opened
    InputError : it is a device or a socket, which may never end, or a pipe, unless those are taken
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or (takes_pipes and stat.S_ISFIFO(mode)):
        return descriptor
    os.close(descriptor)
    raise InputError("is not a regular file", path, "save what it gives in a file")


def read_input(path: Path, most_bytes: int = SMALL_BYTES) -> bytes:
    """Read a whole file, or a pipe until its writers close it; one that nobody writes to is not waited for.

    Raises
    ------
    OSError : it cannot be read
    InputError : it is too large, a device, a socket, or a pipe that gives nothing
    """
    descriptor = open_input(path, takes_pipes=True)
    parts: list[bytes] = []
    length = 0
    try:
        while length <= most_bytes:
            try:
                parts.append(os.read(descriptor, BLOCK_BYTES))
            except BlockingIOError:
                select.select([descriptor], [], [])
                continue
            if not parts[-1]:
                if not length and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                    raise InputError("is a pipe that gives nothing", path, "save what it is to give in a file")
                return b"".join(parts)
            length += len(parts[-1])
    finally:
        os.close(descriptor)
    raise InputError(f"is too large, more than {most_bytes >> 20} MiB", path)


def _list(folder: Path) -> Iterator[Identity]:
    for place, _, names in os.walk(folder):
        for name in names:
            if READ_IN_FOLDERS.fullmatch(name) and (identity := identify(Path(place, name))) is not None:
                yield identity
