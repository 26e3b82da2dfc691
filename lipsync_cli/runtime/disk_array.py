"""Arrays kept on disk: frames by number, in a file without a name, and rows that a worker leaves for who sent it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterable
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
