"""Frames on disk come back as they were, and nothing is left behind."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.disk_array import DiskArray, PagedRows, StoredRows


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


def test_rows_of_pages_come_back_from_disk_and_from_memory():
    rng, rows = np.random.default_rng(2), PagedRows(3, page_rows=4, num_kept=2)
    wanted = {int(number): rng.random(3) for number in rng.permutation(50)[:30]}
    for number, row in wanted.items():
        rows.write(number, row)
    for number in rng.permutation(60):
        np.testing.assert_array_equal(rows.read(number), wanted.get(int(number), np.full(3, np.nan)))


def test_a_row_that_finds_no_room_is_one_line(at_most):
    rows = PagedRows(3, page_rows=4, num_kept=1)
    rows.write(0, (1, 2, 3))
    with pytest.raises(InputError, match=r"cannot be written \(File too large\).*set TMPDIR"), at_most(50):
        rows.write(4, (1, 2, 3))
    assert rows.read(0).tolist() == [1, 2, 3]
