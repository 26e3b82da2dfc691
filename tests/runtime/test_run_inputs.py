"""What a run reads is neither replaced nor removed by it, under whatever name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.runtime.run_inputs import is_input, is_input_folder, keep_inputs


@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "dots"])
def test_an_input_is_not_replaced_under_any_name(link: str, tmp_path: Path) -> None:
    path, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    path.write_bytes(b"film")
    if link == "symbolic":
        other.symlink_to(path)
    elif link == "hard":
        os.link(path, other)
    else:
        other = path if link == "same" else tmp_path / ".." / tmp_path.name / "a.mp4"
    with keep_inputs([path, None]):
        with pytest.raises(InputError, match="is an input"):
            check_output(other, force=True)
        with pytest.raises(InputError, match="is an input"):
            with atomic_output(other, force=True) as temporary:
                temporary.write_bytes(b"lost")
    assert path.read_bytes() == b"film"
    check_output(other, force=True)


def test_of_a_folder_what_is_read_of_it_counts(tmp_path: Path) -> None:
    clip, store = tmp_path / "ann" / "a.MP4", tmp_path / "faces.h5"
    clip.parent.mkdir()
    clip.touch()
    store.touch()
    with keep_inputs([tmp_path]):
        assert is_input(clip)
        assert not is_input(store)
        assert is_input_folder(tmp_path / "ann" / "..")
    assert not is_input(clip)


def test_the_same_file_can_be_kept_twice(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with keep_inputs([path]):
        with keep_inputs([path]):
            pass
        assert is_input(path)
