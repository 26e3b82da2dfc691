"""Folders for temporary files go at the end, and tell that there is no room in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.temporary import temporary_folder

Limit = Callable[[int], AbstractContextManager[None]]


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    with temporary_folder("lipsync-x-", tmp_path) as folder:
        (folder / "a").write_text("b")
        assert folder.parent == tmp_path
        assert folder.name.startswith("lipsync-x-")
        assert folder.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.iterdir())


def test_no_room_is_told_with_the_folder_and_the_next_step(tmp_path: Path, at_most: Limit) -> None:
    with pytest.raises(InputError, match=r"cannot be written \(File too large\); .*set TMPDIR") as caught:
        with temporary_folder(place=tmp_path) as folder, at_most(100):
            (folder / "a").write_bytes(bytes(1000))
    assert caught.value.path == str(tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), temporary_folder(place=tmp_path) as folder:
        (folder / "none").read_text()
    full = OSError(28, "No space left on device", "/elsewhere/out.mp4")
    with pytest.raises(OSError, match="/elsewhere") as caught, temporary_folder(place=tmp_path):
        raise full
    assert caught.value is full


def test_a_folder_that_somebody_has_removed_is_no_error(tmp_path: Path) -> None:
    with temporary_folder(place=tmp_path) as folder:
        shutil.rmtree(folder)
