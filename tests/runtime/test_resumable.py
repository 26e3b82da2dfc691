"""Unfinished work in a folder that others write to: nothing of theirs is touched, read or followed."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.array_cache import shrink
from lipsync_cli.runtime.atomic_files import atomic_output, private_file
from lipsync_cli.runtime.ownership import create_file, is_own_file
from lipsync_cli.runtime.resumable import clear_folder, lock_folder, work_folder, write_part
from lipsync_cli.runtime.run_inputs import keep_inputs

NAME = "0123456789" * 4


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of somebody else, with a file."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / f"{NAME}.npz").write_bytes(b"theirs")
    return folder


def test_a_link_in_the_place_of_a_work_folder_is_refused(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / ".o.h5.parts").symlink_to(theirs)
    with pytest.raises(InputError, match="is a link"), work_folder(tmp_path / ".o.h5.parts"):
        pytest.fail("it was followed")
    assert (theirs / f"{NAME}.npz").read_bytes() == b"theirs"


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root gives files away")
def test_a_work_folder_of_another_user_is_refused(theirs: Path) -> None:
    os.chown(theirs, 12345, 12345)
    with pytest.raises(InputError, match="belongs to another user"), work_folder(theirs):
        pytest.fail("it was taken over")


def test_a_link_in_the_place_of_a_part_is_not_written_through(theirs: Path, tmp_path: Path) -> None:
    victim = theirs / f"{NAME}.npz"
    with work_folder(tmp_path / ".o.h5.parts"):
        place = tmp_path / ".o.h5.parts" / f"{NAME}.npz"
        for name in (place, place.with_suffix(".tmp")):
            name.symlink_to(victim)
        assert not is_own_file(place)
        write_part(place, {"a": np.zeros(2)})
        assert is_own_file(place)
        clear_folder(tmp_path / ".o.h5.parts")
    assert victim.read_bytes() == b"theirs"
    assert not (tmp_path / ".o.h5.parts").exists()


def test_what_the_program_has_not_named_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".o.h5.parts"
    with work_folder(folder):
        (folder / "thesis.wav").touch()
        (folder / f"{NAME}.npz").touch()
        clear_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.wav"]


def test_a_file_is_made_anew_or_not_at_all(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(theirs / "new")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "a")
    assert not (theirs / "new").exists()


def test_temporary_files_are_private_and_no_name_is_used_twice(tmp_path: Path) -> None:
    with private_file(tmp_path / "a.mp4") as one, private_file(tmp_path / "a.mp4") as other:
        assert one != other
        assert one.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_run_has_left_goes_but_no_link(theirs: Path, tmp_path: Path) -> None:
    gone = 4194305  # above the highest number of a process
    left, link = (tmp_path / f".a.{gone}-{digits}.tmp.mp4" for digits in ("00000000", "0123456789abcdef"))
    left.touch()
    link.symlink_to(theirs)
    with atomic_output(tmp_path / "a.mp4") as temporary:
        temporary.write_bytes(b"a")
    assert not left.exists()
    assert link.is_symlink()


def test_a_locked_folder_that_was_there_stays(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "new"), lock_folder(tmp_path):
        with pytest.raises(InputError, match="another run"), lock_folder(tmp_path / "new"):
            pytest.fail("it was locked twice")
    assert tmp_path.is_dir()
    assert not (tmp_path / "new").exists()


def test_a_cache_removes_its_own_entries_only(tmp_path: Path) -> None:
    for name in ("mine.npz", f"{NAME}.npz", f"{NAME}00.npz"):
        (tmp_path / name).write_bytes(bytes(100))
    with keep_inputs([tmp_path / f"{NAME}00.npz"]):
        shrink(tmp_path, ".npz", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}00.npz", "mine.npz"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_may_not_be_there_is_no_other_run() -> None:
    with pytest.raises(InputError, match=r"x\.parts: cannot be made \(.*\); choose another output$"):
        with work_folder(Path("/proc/.x.parts")):
            pass


def test_arrays_are_kept_without_the_time_of_a_clock_that_may_be_wrong(tmp_path: Path) -> None:
    """ZIP knows no time before 1980, where clocks stand that were never set."""
    write_part(tmp_path / "a.npz", {"a": np.arange(3)})
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert [each.date_time[:3] for each in archive.infolist()] == [(1980, 1, 1)]
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["a"], np.arange(3))


def test_what_is_in_the_way_of_a_folder_is_to_be_removed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"is a link or no folder \(.*\); remove it, or choose another output$"):
        with work_folder(tmp_path / "file"):
            pass
    with pytest.raises(InputError, match=r"below: cannot be made \(.*\); choose another output$"):
        with work_folder(tmp_path / "file" / "below"):
            pass
