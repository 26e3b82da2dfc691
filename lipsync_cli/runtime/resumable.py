"""Results of finished parts of a job in a locked folder, so that a killed job is resumed."""

from __future__ import annotations

import fcntl
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.runtime.stored_rows import StoredRows

if TYPE_CHECKING:
    import numpy as np


def write_part(path: Path, arrays: Mapping[str, np.ndarray | StoredRows]) -> None:
    """Write finished work whole or not at all; `Part` reads it."""
    temporary = path.with_suffix(".tmp")
    try:
        with open(temporary, "wb") as file:
            _save(file, arrays)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            path.parent,
            "what is done is kept: make room, run it again",
        ) from error


def _save(file: IO[bytes], arrays: Mapping[str, np.ndarray | StoredRows]) -> None:
    """Write arrays as `numpy.savez` does; rows that a worker left on disk are moved there without being read whole."""
    import numpy as np

    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(value, StoredRows):
                    value.copy_to(member)
                    value.path.unlink()
                else:
                    np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=False)


def with_path(error: LipsyncError, path: Path) -> LipsyncError:
    """Name the clip in an error that names no file yet."""
    if error.path is not None:
        return error
    return type(error)(error.fact, path, error.hint)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make the folder and hold it: two runs of the same output at once would undo each other."""
    try:
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", folder) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InputError("another run is writing this output", folder, "wait for it") from None
    try:
        yield
    finally:
        os.close(descriptor)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
