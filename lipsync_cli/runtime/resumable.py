"""Results of finished parts of a job in a private, locked folder, so that a killed job is resumed."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.disk_array import StoredRows
from lipsync_cli.runtime.ownership import create_file, is_own
from lipsync_cli.runtime.run_inputs import is_input

if TYPE_CHECKING:
    import numpy as np

PARTS = re.compile(r"[0-9a-f]{40}\.(npz|tmp)|\.[0-9a-f]{32}\.tmp")  # names of finished parts, and on the way to them
UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.tmp")  # on the way to parts
TRIES = 100  # to lock a folder that another run is about to remove


def write_part(path: Path, arrays: Mapping[str, np.ndarray | StoredRows]) -> None:
    """Write finished work whole or not at all; `Part` reads it."""
    temporary = path.with_name(f".{secrets.token_hex(16)}.tmp")
    try:
        with os.fdopen(create_file(temporary), "wb") as file:
            save_arrays(file, arrays)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):  # not in a folder that may not be written any more
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            path.parent,
            "what is done is kept: make room, run it again",
        ) from error


def save_arrays(file: IO[bytes], arrays: Mapping[str, np.ndarray | StoredRows]) -> None:
    """Write arrays as `numpy.savez` does; rows that a worker left on disk are moved there without being read whole."""
    import numpy as np

    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, value in arrays.items():
            undated = zipfile.ZipInfo(f"{name}.npy")  # a clock that is wrong may be before the years that ZIP knows
            with archive.open(undated, "w", force_zip64=True) as member:
                if isinstance(value, StoredRows):
                    value.copy_to(member)
                    value.path.unlink()
                else:
                    np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=False)


@contextmanager
def lock_folder(
    folder: Path, hint: str = "wait for it", *, is_named: bool = False, is_shared: bool = False
) -> Iterator[None]:
    """Make a folder if it is not there, and hold it: two runs of the same output at once would undo each other.

    The lock is the kernel's: it ends with its process, however that ends. What was made here goes at the end, if it is
    empty then.

    Parameters
    ----------
    hint : for the error, where another run holds it
    is_named : by the user: the folders above it are made, too
    is_shared : with other runs that share it, which write other files

    Raises
    ------
    InputError : it cannot be made, or another run holds it
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    if is_named:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot be made ({error.strerror})", folder, "choose another output") from error
    descriptor = _open_locked(folder, os.O_RDONLY | os.O_DIRECTORY, 0o777, hint, is_shared=is_shared)
    try:
        yield
    finally:
        with suppress(OSError):
            for each in made if is_named else made[:1]:
                each.rmdir()
        os.close(descriptor)


@contextmanager
def work_folder(folder: Path, *, waits: bool = False, is_shared: bool = False) -> Iterator[None]:
    """Make or take over a folder for what is on the way to an output, and hold it; it goes at the end, if it is empty.

    Nobody else may read or write there. A link is not followed.

    Parameters
    ----------
    waits : until no other run holds it
    is_shared : with other runs that share it, which write other files

    Raises
    ------
    InputError : it cannot be made, another run holds it, or it belongs to somebody else
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    descriptor = _open_locked(folder, flags, 0o700, waits=waits, is_shared=is_shared)
    try:
        if not is_own(os.fstat(descriptor), folder.parent):
            raise InputError(
                "belongs to another user, and is where unfinished work is kept",
                folder,
                "remove it, or choose another output",
            )
        with suppress(OSError):
            os.fchmod(descriptor, 0o700)
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()
        os.close(descriptor)


def clear_folder(folder: Path, names: re.Pattern[str] = PARTS) -> None:
    """Remove the files of a folder whose names the program gives; inputs of the run, and all else, stay."""
    for path in folder.iterdir():
        if names.fullmatch(path.name) and not is_input(path) and not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink(missing_ok=True)


def _open_locked(
    folder: Path,
    flags: int,
    mode: int,
    hint: str = "wait for it",
    *,
    waits: bool = False,
    is_shared: bool = False,
) -> int:
    """Return a descriptor of the folder, which is made if it is not there, with the lock on it."""
    last = "another run is writing this output", hint
    for _ in range(TRIES):
        try:
            with suppress(FileExistsError):
                os.mkdir(folder, mode)
            descriptor = os.open(folder, flags)
        except FileNotFoundError:  # it was removed in between, or may not be there, as in /proc
            last = "cannot be made (No such file or directory)", "choose another output"
            if folder.parent.is_dir():
                continue
            break
        except OSError as error:
            is_there = os.path.lexists(folder)
            why = "is a link or no folder" if flags & os.O_NOFOLLOW and is_there else "cannot be made"
            step = "remove it, or choose another output" if is_there else "choose another output"
            raise InputError(f"{why} ({error.strerror})", folder, step) from error
        try:
            kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | (0 if waits else fcntl.LOCK_NB))
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise InputError("another run is writing this output", folder, hint) from None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # a folder that is no longer there was locked
    raise InputError(last[0], folder, last[1])
