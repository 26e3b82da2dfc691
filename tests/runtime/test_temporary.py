"""Folders for temporary files go at the end, and tell that there is no room in them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from fixtures.small_files import at_most

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.temporary import temporary_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_private_and_goes(place: Path) -> None:
    with temporary_folder("lipsync-x-") as folder:
        (folder / "a").write_text("b")
        assert folder.parent == place
        assert folder.name.startswith("lipsync-x-")
        assert folder.stat().st_mode & 0o077 == 0
    assert not list(place.iterdir())


def test_no_room_is_told_with_the_folder_and_the_next_step(place: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written \(File too large\); .*set TMPDIR") as caught:
        with temporary_folder() as folder, at_most(100):
            (folder / "a").write_bytes(bytes(1000))
    assert caught.value.path == str(place)
    assert not list(place.iterdir())


def test_another_error_stays_what_it_is(place: Path) -> None:
    with pytest.raises(FileNotFoundError), temporary_folder() as folder:
        (folder / "none").read_text()
    full = OSError(28, "No space left on device", "/elsewhere/out.mp4")
    with pytest.raises(OSError, match="/elsewhere") as caught, temporary_folder():
        raise full
    assert caught.value is full


def test_a_folder_that_somebody_has_removed_is_no_error(place: Path) -> None:
    with temporary_folder() as folder:
        shutil.rmtree(folder)
