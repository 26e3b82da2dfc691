"""Outputs appear whole, and a name that was free is given to one run only."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output, check_output, claim_output
from lipsync_cli.runtime.resumable import lock_folder, work_folder


def test_of_eight_runs_that_write_one_output_exactly_one_wins(tmp_path: Path) -> None:
    together, told, refused = threading.Barrier(8), [], []

    def write(number: int) -> None:
        try:
            with atomic_output(tmp_path / "out.h5") as temporary:
                temporary.write_text(str(number))
                together.wait()
            told.append(number)
        except InputError as error:
            refused.append(error.fact)

    runs = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(told) == 1
    assert refused == ["exists"] * 7
    assert (tmp_path / "out.h5").read_text() == str(told[0])
    assert os.listdir(tmp_path) == ["out.h5"]


def test_of_eight_runs_that_claim_one_output_exactly_one_wins(tmp_path: Path) -> None:
    together, ends = threading.Barrier(8), []

    def claim() -> None:
        together.wait()
        try:
            claim_output(tmp_path / "out.mkv")
            ends.append("")
        except InputError as error:
            ends.append(error.fact)

    runs = [threading.Thread(target=claim) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(ends) == ["", *["exists"] * 7]
    assert os.listdir(tmp_path) == ["out.mkv"]


def test_of_a_link_the_link_is_replaced_by_what_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out.mkv").symlink_to("mine")
    with pytest.raises(InputError, match="exists; use --force"):
        claim_output(tmp_path / "out.mkv")
    claim_output(tmp_path / "out.mkv", force=True)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "out.mkv").is_symlink()


def test_with_force_the_last_of_several_runs_wins(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with atomic_output(tmp_path / "out", force=True) as first, atomic_output(tmp_path / "out", force=True) as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "out").read_text() == "first"
    assert os.listdir(tmp_path) == ["out"]


def test_a_locked_folder_is_another_runs_until_that_ends(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with lock_folder(folder, is_named=True):
        with pytest.raises(InputError, match="another run is writing this output") as caught, lock_folder(folder):
            pass
        assert caught.value.exit_code == 3
    assert not (tmp_path / "deep").exists()


def test_the_lock_of_a_killed_run_is_none(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from lipsync_cli.runtime.resumable import work_folder\n"
        "with work_folder(Path(sys.argv[1])): Path(sys.argv[1], 'part').touch(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], check=False)
    assert (tmp_path / "run" / "part").exists()
    with work_folder(tmp_path / "run"):
        (tmp_path / "run" / "part").unlink()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("what", ["pipe", "socket", "/dev/null"])
def test_what_is_no_file_is_not_replaced(what: str, tmp_path: Path) -> None:
    path = Path(what) if what == "/dev/null" else tmp_path / "x"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    for force in (False, True):
        with pytest.raises(InputError, match="is not replaced"):
            check_output(path, force)


@pytest.mark.parametrize("target", ["none", "x"])
def test_a_link_without_a_file_is_told_before_the_work(target: str, tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(target)
    with pytest.raises(InputError, match="exists; use --force"):
        check_output(tmp_path / "x")
    check_output(tmp_path / "x", force=True)


@pytest.mark.parametrize("place", ["/proc", "/sys"])
def test_a_folder_that_takes_no_files_is_told_before_the_work(place: str) -> None:
    """Its permissions say that the superuser may write there."""
    if not Path(place).is_dir():
        pytest.skip(f"no {place}")
    with pytest.raises(InputError, match=rf"^{place}: the folder cannot be written; choose another output$"):
        check_output(Path(place) / "new.mp4")


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file: is no folder for the output; choose another output$"):
        check_output(tmp_path / "file" / "new.mp4")
    with pytest.raises(InputError, match=r"file/run: cannot be made \(.*\); choose another output$"):
        with lock_folder(tmp_path / "file" / "run", is_named=True):
            pass


def test_a_folder_is_looked_at_without_a_trace(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    check_output(tmp_path / "new.mp4")
    assert tmp_path.stat().st_mtime_ns == before


def test_a_folder_that_goes_while_it_is_written_is_told_with_the_output(tmp_path: Path) -> None:
    """A file stands in its place, so that not even the temporary name can be removed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match=r"out\.h5: cannot be written \(.*\); choose another output"):
        with atomic_output(folder / "out.h5") as temporary:
            temporary.write_text("x")
            shutil.rmtree(folder)
            folder.write_text("mine")
    assert folder.read_text() == "mine"
