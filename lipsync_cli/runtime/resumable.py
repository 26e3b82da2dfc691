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
