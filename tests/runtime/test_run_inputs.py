"""What a run reads is neither replaced nor removed by it, under whatever name."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_cli.config.toml_file import read_file
from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.run_inputs import is_input, is_input_folder, keep_inputs, read_input
from lipsync_cli.scoring.results.records import read_results
from lipsync_cli.speech.transcript import Transcripts, read_transcript
from lipsync_cli.synthesis.table_reader import read_text
from lipsync_cli.training.logging.run_log import read_log

READERS: dict[str, Callable[[Path], object]] = {
    "messages": read_text,
    "options": lambda path: read_file(InferConfig, path, lambda text: None, read_input),
    "scores": read_results,
    "transcript": read_transcript,
    "log": read_log,
    "hash": hash_file,
}


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


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["/dev/zero", "socket"])
def test_what_may_never_end_is_not_read(reader: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "x" if what == "socket" else Path(what)
    if what == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    with pytest.raises((LipsyncError, OSError), match=str(path)):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(reader: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(LipsyncError, match=r"pipe that gives nothing|not a regular file|no readable transcript"):
        READERS[reader](tmp_path / "x")


def test_a_pipe_is_read_until_its_writer_is_done(tmp_path: Path) -> None:
    """As of `--messages <(program)`, which has the pipe open before."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    opened = os.open(path, os.O_RDWR)

    def write() -> None:
        for _ in range(3):
            os.write(opened, b"x" * 50_000)
        os.close(opened)

    thread = threading.Thread(target=write)
    thread.start()
    assert read_input(path) == b"x" * 150_000
    thread.join()


def test_a_file_that_is_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with open(path, "wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(InputError, match=r"x: is too large, more than 16 MiB"):
        read_input(path)
    assert len(read_input(path, 20 << 20)) == 20 << 20


def test_names_of_transcripts_that_are_no_text_are_counted(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.align")).write_text("0 1000 bin\n")
    (tmp_path / "folder.align").mkdir()
    os.mkfifo(tmp_path / "pipe.align")
    assert len(Transcripts(tmp_path).fingerprint()) == 64
