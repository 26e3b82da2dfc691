"""Arrays kept on disk: frames and rows by number, in files without names, and rows that a worker leaves for another."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import FULL

if TYPE_CHECKING:
    import numpy as np


class DiskArray:
    """A context manager that keeps arrays of one shape and type by number, on disk.

    Several threads may use it.

    Parameters
    ----------
    shape : shape of each array
    dtype : its type
    folder : None: that for temporary files
    """

    def __init__(self, shape: tuple[int, ...], dtype: str = "uint8", folder: Path | None = None) -> None:
        import numpy as np

        self._shape, self._dtype = shape, np.dtype(dtype)
        self._bytes = int(np.prod(shape)) * self._dtype.itemsize
        self._place: dict[int, int] = {}
        self._lock = threading.Lock()
        self._folder = folder or Path(tempfile.gettempdir())
        self._file = tempfile.TemporaryFile(prefix="lipsync-", buffering=0, dir=folder)  # noqa: SIM115 -- see `close`

    def __enter__(self) -> DiskArray:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def __len__(self) -> int:
        return len(self._place)

    def numbers(self) -> list[int]:
        """Return the numbers that are kept, sorted."""
        return sorted(self._place)

    def write(self, number: int, array: np.ndarray) -> None:
        """Keep `array` under `number`; InputError if the disk is full."""
        import numpy as np

        place = self._place.get(number, len(self._place))
        data = np.ascontiguousarray(array, dtype=self._dtype).data.cast("B")
        if len(data) != self._bytes:
            raise ValueError(f"shape {array.shape} in a spool of {self._shape}")
        try:
            with self._lock:
                self._file.seek(place * self._bytes)
                while data:
                    data = data[self._file.write(data) :]
        except OSError as error:
            raise InputError(
                f"frames on the way cannot be written ({error.strerror})",
                self._folder,
                "set TMPDIR to a folder with room",
            ) from error
        self._place[number] = place

    def read(self, number: int) -> np.ndarray:
        """Return the array kept under `number`, as a new array."""
        import numpy as np

        array = np.empty(self._shape, self._dtype)
        view = array.data.cast("B")
        filled = 0
        with self._lock:
            self._file.seek(self._place[number] * self._bytes)
            while filled < self._bytes:
                count = self._file.readinto(view[filled:])  # type: ignore[attr-defined]
                if not count:
                    raise EOFError("the spool is shorter than what was written")
                filled += count
        return array

    def clear(self) -> None:
        """Forget everything that is kept; the room is used again."""
        self._place.clear()


class PagedRows:
    """Rows of float64 by number, of which the pages that were used last are in memory and the others on disk.

    Several threads may use it.

    Parameters
    ----------
    width : numbers in a row
    page_rows : rows in a page
    num_kept : pages in memory, at most
    """

    def __init__(self, width: int, page_rows: int = 256, num_kept: int = 4) -> None:
        self._shape, self._num_kept = (page_rows, width), num_kept
        self._pages: dict[int, np.ndarray] = {}  # the one that was used last is the last
        self._disk: DiskArray | None = None  # of the others, if there are any
        self._lock = threading.Lock()

    def read(self, number: int) -> np.ndarray:
        """Return a row as a new array, shape (width,); NaN where nothing was written."""
        with self._lock:
            row: np.ndarray = self._page(number)[number % self._shape[0]].copy()
            return row

    def write(self, number: int, row: Sequence[float]) -> None:
        """Keep a row under a number; InputError if the disk is full."""
        with self._lock:
            self._page(number)[number % self._shape[0]] = row

    def _page(self, number: int) -> np.ndarray:
        """Return the page of a row, brought into memory."""
        import numpy as np

        place = number // self._shape[0]
        page = self._pages.pop(place, None)
        if page is None and self._disk is not None and place in self._disk:
            page = self._disk.read(place)
        self._pages[place] = page = np.full(self._shape, np.nan) if page is None else page
        while len(self._pages) > self._num_kept:
            if self._disk is None:
                self._disk = DiskArray(self._shape, "float64")
            oldest = next(iter(self._pages))
            self._disk.write(oldest, self._pages[oldest])
            del self._pages[oldest]
        return page


@dataclass(frozen=True)
class StoredRows:
    """An array (num_rows, num_columns) float32 in a file of its own.

    Attributes
    ----------
    path : the file, which who takes the rows over removes
    """

    path: Path
    num_rows: int
    num_columns: int

    @classmethod
    def write(cls, blocks: Iterable[np.ndarray], num_columns: int, folder: Path) -> StoredRows:
        """Write blocks (n, num_columns) one after the other to a new file in a folder, which an OSError names."""
        name = folder / f".{secrets.token_hex(16)}.tmp"
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        num_rows = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in blocks:
                    file.write(block.astype("<f4").tobytes())
                    num_rows += len(block)
        except BaseException as error:
            os.unlink(name)
            if isinstance(error, OSError) and error.errno in FULL:
                error.filename = error.filename or str(folder)
            raise
        return cls(name, num_rows, num_columns)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write the rows as NumPy writes an array (format 1.0)."""
        from numpy.lib import format as numpy_format

        shape = (self.num_rows, self.num_columns)
        numpy_format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with open(self.path, "rb") as rows:
            shutil.copyfileobj(rows, file, 1 << 20)
