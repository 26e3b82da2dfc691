"""JSON that somebody else has written is bounded: depth, types, encoding, size, and what kind of file it is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.json_values import MOST_BYTES, parse_json, read_json

ODD = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "no UTF-8": b'{"a": "\xff\xfe\xfd"}',
    "half a pair": rb'{"a": "\ud800"}',
    "half a pair as a name": rb'{"\udc00": 1}',
    "beyond 64 bits": b"[" + b"9" * 100_000 + b"]",
    "cut short": b'{"a": ',
    "empty": b"",
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_json_is_told_in_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(ODD[kind])
    with pytest.raises(InputError, match=r"a\.json: it (is no JSON|holds text that is not Unicode)") as caught:
        read_json(path)
    assert len(str(caught.value)) < 300
    with pytest.raises(InputError, match=r"it (is no JSON|holds text that is not Unicode)"):
        parse_json(ODD[kind])


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch()
    os.truncate(path, MOST_BYTES + 1)  # a sparse file
    with pytest.raises(InputError, match="too large for JSON, more than 256 MiB"):
        read_json(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_and_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path):
        with pytest.raises(InputError, match="is not a regular file"):
            read_json(path)
