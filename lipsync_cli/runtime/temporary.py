"""Folders for temporary files; where there is no room for them, that is told with the next step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import FULL

HINT = "make room, or set TMPDIR to a folder with room"


@contextmanager
def temporary_folder(prefix: str = "lipsync-", place: Path | None = None) -> Iterator[Path]:
    """Give a private folder for temporary files, which goes at the end with all that is in it.

    Parameters
    ----------
    place : the folder that it is made in; None: that for temporary files

    Raises
    ------
    InputError : there is no room in it, where the block writes without saying so itself
    """
    where = tempfile.gettempdir() if place is None else str(place)
    try:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=where, ignore_cleanup_errors=True) as name:
            yield Path(name)
    except OSError as error:
        if error.errno not in FULL or not os.path.join(where, str(error.filename or "")).startswith(where):
            raise
        fact = f"temporary files cannot be written ({error.strerror})"
        raise InputError(fact, where, HINT) from error
