"""WAV files are those of libsndfile, and a full disk is told as one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.media.sound.wav_file import write_wav

Limit = Callable[[int], AbstractContextManager[None]]


@pytest.mark.parametrize("coding", ["PCM_16", "PCM_24"])
def test_the_file_is_that_of_libsndfile(tmp_path: Path, coding: str) -> None:
    samples = np.sin(np.arange(1000) / 9).astype(np.float32)
    write_wav(tmp_path / "a.wav", samples, 16000, coding)
    soundfile.write(tmp_path / "b.wav", samples, 16000, subtype=coding)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize("room", [0, 1000])
def test_a_full_disk_is_told_as_one(tmp_path: Path, room: int, at_most: Limit) -> None:
    with pytest.raises(OSError, match="File too large") as caught, at_most(room):
        write_wav(tmp_path / "a.wav", np.zeros(100_000, np.float32), 16000)
    assert caught.value.errno == errno.EFBIG


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_wav(tmp_path / "none" / "a.wav", np.zeros(10, np.float32), 16000)
