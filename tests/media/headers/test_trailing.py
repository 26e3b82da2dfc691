"""Headers that lie: a whole file is read, a cut one is refused, and what is left out is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fixtures.media_clips import MakeClip, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.headers.trailing import is_streamed
from lipsync_cli.media.probe import probe
from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.sound.audio import read_speech


def declare(path: Path, size: int) -> Path:
    """Write another length of the samples into the header of a WAV."""
    data = bytearray(path.read_bytes())
    place = data.index(b"data")
    data[place + 4 : place + 8] = size.to_bytes(4, "little")
    data[4:8] = min(size + 36, 0xFFFF_FFFF).to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 2_000_000_000, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_length_that_no_recorder_knew(tmp_path: Path, size: int) -> None:
    path = declare(write_clicks(tmp_path / "a.wav", [0.3], 2), size)
    assert len(read_speech(path)) == 32_000


def test_a_length_that_is_none_is_noted(tmp_path: Path) -> None:
    path = declare(write_clicks(tmp_path / "a.wav", [0.3], 2), 2_000_000_000)
    probe(path)
    assert any("tells of 2000000000 bytes" in text for text in notes_of(path))


@pytest.mark.parametrize("size", [384_000, 3_000_000])
def test_a_wav_that_was_cut(tmp_path: Path, size: int) -> None:
    with pytest.raises(InputError, match="is truncated"):
        read_speech(declare(write_clicks(tmp_path / "a.wav", [0.3], 2), size))


def test_most_of_a_huge_wav_is_a_cut_one(tmp_path: Path) -> None:
    path = declare(write_clicks(tmp_path / "a.wav", [0.3], 2), 2_000_000_000)
    os.truncate(path, 1_000_000_000)
    assert not is_streamed(path)


def test_samples_behind_the_declared_end_are_named(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "a.wav", [0.3, 1.3], 2)
    path = declare(path, 48_000 * 2)
    assert len(read_speech(path)) == 16_000
    assert notes_of(path) == ["96000 bytes behind the end that its header declares are left out"]


def test_a_second_wav_behind_the_first_is_named(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "a.wav", [0.3], 1)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() * 2)
    assert len(read_speech(path)) == 16_000
    assert notes_of(path) == [f"a second file begins behind its end, at byte {size}, and is left out"]


def test_a_chunk_behind_the_samples_is_in_order(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "a.wav", [0.3], 1)
    path.write_bytes(path.read_bytes() + b"LIST" + (4).to_bytes(4, "little") + b"INFO")
    probe(path)
    assert not notes_of(path)


def test_a_second_mp4_behind_the_first_is_named(make_clip: MakeClip) -> None:
    clip = make_clip("a.mp4", 5)
    size = clip.stat().st_size
    clip.write_bytes(clip.read_bytes() * 2)
    probe(clip)
    assert notes_of(clip) == [f"a second file begins behind its end, at byte {size}, and is left out"]
