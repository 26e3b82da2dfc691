"""Rows of numbers that a worker leaves on disk, because they are too many to be sent."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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
        """Write blocks (n, num_columns) one after the other to a new file in a folder."""
        name = folder / f".{secrets.token_hex(16)}.tmp"
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        num_rows = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in blocks:
                    file.write(block.astype("<f4").tobytes())
                    num_rows += len(block)
        except BaseException:
            os.unlink(name)
            raise
        return cls(name, num_rows, num_columns)

    def copy_to(self, file: IO[bytes]) -> None:
        """Write the rows as NumPy writes an array (format 1.0)."""
        from numpy.lib import format as numpy_format

        shape = (self.num_rows, self.num_columns)
        numpy_format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with open(self.path, "rb") as rows:
            shutil.copyfileobj(rows, file, 1 << 20)
