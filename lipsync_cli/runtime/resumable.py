"""Results of finished parts of a job in a locked folder, so that a killed job is resumed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, LipsyncError

if TYPE_CHECKING:
    import numpy as np


def write_part(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write finished work whole or not at all; `Part` reads it."""
    import numpy as np

    temporary = path.with_suffix(".tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            path.parent,
            "what is done is kept: make room, run it again",
        ) from error


def with_path(error: LipsyncError, path: Path) -> LipsyncError:
    """Name the clip in an error that names no file yet."""
    if error.path is not None:
        return error
    return type(error)(error.fact, path, error.hint)


@contextmanager
def lock_folder(folder: Path, hint: str = "wait for it", *, is_named: bool = False) -> Iterator[None]:
    """Make the folder and hold it: two runs of the same output at once would undo each other.

    The lock is the kernel's: it ends with its process, however that ends. The folder is removed if it is empty in the
    end.

    Parameters
    ----------
    hint : for the error, where another run holds it
    is_named : by the user: the folders above it are made, too, and only what was made is removed

    Raises
    ------
    InputError : the folder cannot be made, or another process holds it
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        descriptor = _lock(folder, hint, is_named)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", folder) from error
    try:
        yield
    finally:
        if folder.is_dir() and not any(folder.iterdir()):
            for each in made if is_named else [folder]:
                if not any(each.iterdir()):
                    each.rmdir()
        os.close(descriptor)


def _lock(folder: Path, hint: str, parents: bool) -> int:
    """Return a descriptor of the folder that holds its lock."""
    while True:
        folder.mkdir(parents=parents, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another run has just removed it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists() and os.path.samestat(os.fstat(descriptor), folder.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise InputError("another run is writing this output", folder, hint) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the run that held it has removed it: what is there now is another folder
