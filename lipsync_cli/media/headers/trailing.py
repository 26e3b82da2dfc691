"""What lies behind the end that a header declares, and headers that declare an end beyond the file's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from lipsync_cli.media.reading import note

STREAMED_BYTES = 0x7FFF_0000  # this and more is told by programs that cannot know the length yet
SECOND_WAV = (b"RIFF", b"RIFX", b"RF64")
LARGE_BYTES, TIMES = 1_000_000_000, 16  # also a length in the gigabytes, so many times what is there


def note_trailing(path: Path, container: str) -> None:
    """Note what of a WAV or MP4 is not read, and a WAV whose header tells a length that is none."""
    with open(path, "rb") as file:
        there = os.fstat(file.fileno()).st_size
        if container == "wav":
            _note_wav(path, file, there)
        elif "mp4" in container.split(","):
            _note_mp4(path, file, there)


def is_streamed(path: Path) -> bool:
    """Tell whether the header of a WAV does not give its length, so that its end is that of the file."""
    with open(path, "rb") as file:
        found = _find_data(file)
        return found is not None and _is_placeholder(found[1], os.fstat(file.fileno()).st_size)


def _is_placeholder(size: int, there: int) -> bool:
    return size == 0 or size >= STREAMED_BYTES or size >= max(LARGE_BYTES, TIMES * there)


def _find_data(file: IO[bytes]) -> tuple[int, int] | None:
    """Return where a WAV's samples begin, and how many bytes its header says they have."""
    position = 12
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return None
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return position + 8, size
        position += 8 + size + size % 2


def _note_wav(path: Path, file: IO[bytes], there: int) -> None:
    found = _find_data(file)
    if found is None:
        return
    start, size = found
    if _is_placeholder(size, there):
        if size not in (0, 0xFFFF_FFFF):
            note(path, f"its header tells of {size} bytes; the {there - start} that are there are taken as the whole")
        return
    end = start + size + size % 2
    file.seek(end)
    head = file.read(8)
    is_chunk = (head[:4].isascii() and head[:4].isalnum()) or head[:4].endswith(b" ")
    if head[:4] in SECOND_WAV:
        note(path, f"a second file begins behind its end, at byte {end}, and is left out")
    elif len(head) == 8 and not is_chunk:
        note(path, f"{there - end} bytes behind the end that its header declares are left out")


def _note_mp4(path: Path, file: IO[bytes], there: int) -> None:
    position, has_begun = 0, False
    while position + 8 <= there:
        file.seek(position)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind == b"ftyp" and has_begun:
            note(path, f"a second file begins behind its end, at byte {position}, and is left out")
            return
        has_begun = True
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8:
            return
        position += size
