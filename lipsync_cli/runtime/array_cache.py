"""Small arrays about a face, kept between runs in the user's cache folder under a key made of what they depend on."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.resumable import save_arrays
from lipsync_cli.runtime.run_inputs import is_input

if TYPE_CHECKING:
    import numpy as np

LIMIT_BYTES = 64 << 20  # some hours of boxes
SUFFIX = ".npz"
ENTRIES = re.compile(r"[0-9a-f]{16,64}\.npz|adapted-[0-9a-f]{16}\.safetensors")  # names of what the cache keeps

Notify = Callable[[str], None]


class ArrayCache:
    """Named arrays under keys, one file each; a damaged or unwritable cache costs time, never a run.

    Parameters
    ----------
    folder : made when something is kept
    notify : told in words what is wrong with the cache
    limit_bytes : the entries that were not used for longest go when all are larger than this
    """

    def __init__(self, folder: Path, notify: Notify = lambda text: None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder, self._notify, self._limit = Path(folder), notify, limit_bytes
        self._is_told = False  # that it cannot be written

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """Return the arrays under a key, or None."""
        import numpy as np

        path = self.folder / (key + SUFFIX)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            path.touch()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            self._notify(f"{path}: is damaged and is not used; it will be made again")
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        return arrays

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep arrays under a key, whole or not at all; that it cannot be written is told once."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with atomic_output(self.folder / (key + SUFFIX), force=True) as temporary, open(temporary, "wb") as file:
                save_arrays(file, arrays)
            shrink(self.folder, SUFFIX, self._limit)
        except (OSError, InputError) as error:
            if not self._is_told:
                self._notify(f"{self.folder}: the cache cannot be written, the face is found again next time ({error})")
            self._is_told = True


def shrink(folder: Path, suffix: str, limit_bytes: int) -> None:
    """Remove the entries of a cache that were not used for longest until the others are small enough together.

    Inputs of the run, and files that are none of the cache's, stay and do not count.
    """
    entries = []
    for path in folder.glob("*" + suffix):
        with suppress(FileNotFoundError):  # another run may have removed it
            if ENTRIES.fullmatch(path.name) and not is_input(path):
                entries.append((path.stat().st_mtime, path.stat().st_size, path))
    size = 0
    for _, bytes_, path in sorted(entries, reverse=True):
        size += bytes_
        if size > limit_bytes:
            path.unlink(missing_ok=True)
