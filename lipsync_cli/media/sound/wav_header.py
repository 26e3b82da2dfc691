"""What the header of a WAV says of its length, which recorders and pipes often leave wrong."""

from __future__ import annotations

import os

from lipsync_cli.media.probe import MediaInfo

STREAMED_BYTES = 0x7FFF_0000  # this and more is told by programs that cannot know the length yet
LARGE_BYTES, TIMES = 1_000_000_000, 16  # also a length in the gigabytes, so many times what is there
HEAD_BYTES = 1 << 16


def is_streamed(info: MediaInfo) -> bool:
    """Tell whether a file is a WAV whose header does not give its length, so that its end is that of the file."""
    if info.format != "wav":
        return False
    with open(info.path, "rb") as file:
        head = file.read(HEAD_BYTES)
        there = os.fstat(file.fileno()).st_size
    place = head.find(b"data")
    size = int.from_bytes(head[place + 4 : place + 8], "little")
    is_wrong = size == 0 or size >= STREAMED_BYTES or size >= max(LARGE_BYTES, TIMES * there)
    return place >= 0 and is_wrong
