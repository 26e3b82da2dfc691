"""Frames on disk come back as they were, and nothing is left behind."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.disk_array import DiskArray, StoredRows


def test_arrays_come_back_by_number_in_any_order(tmp_path):
    rng = np.random.default_rng(1)
    frames = {number: rng.integers(0, 256, (5, 7, 3), np.uint8) for number in (4, 0, 9)}
    with DiskArray((5, 7, 3), folder=tmp_path) as spool:
        for number, frame in frames.items():
            spool.write(number, frame)
        assert not list(tmp_path.iterdir())  # the file has no name
        assert spool.numbers() == [0, 4, 9]
        for number in (9, 0, 4, 9):
            np.testing.assert_array_equal(spool.read(number), frames[number])
        spool.clear()
        spool.write(9, frames[0])
        np.testing.assert_array_equal(spool.read(9), frames[0])
        assert 4 not in spool
        assert len(spool) == 1


def test_full_disk_is_one_line(at_most):
    """A limit on the size of files stands in for the disk's end."""
    with DiskArray((100,)) as spool:
        with pytest.raises(InputError, match=r"cannot be written \(File too large\).*set TMPDIR"), at_most(50):
            spool.write(0, np.zeros(100, np.uint8))
        assert spool.numbers() == []


def test_rows_that_do_not_fit_name_their_folder_and_leave_nothing(tmp_path, at_most):
    with pytest.raises(OSError, match="File too large") as caught, at_most(50):
        StoredRows.write([np.zeros((100, 80))], 80, tmp_path)
    assert caught.value.filename == str(tmp_path)
    assert not list(tmp_path.iterdir())
