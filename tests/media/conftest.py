"""Clips made with FFmpeg alone, so that the room is not tested with itself."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from media_clips import HEIGHT, WIDTH, Ffmpeg, MakeClip, numbered_frame

from lipsync_cli.media.tools import find_tool


@pytest.fixture(scope="session")
def ffmpeg() -> Ffmpeg:
    """Run FFmpeg with the given arguments; `data` is what it reads from its stdin."""

    def run(*args: object, data: bytes | None = None) -> None:
        command = [find_tool("ffmpeg"), "-v", "error", "-y", "-threads", "1", *map(str, args)]
        subprocess.run(command, input=data if data is not None else b"", check=True, timeout=60)

    return run


@pytest.fixture
def make_clip(ffmpeg: Ffmpeg, tmp_path: Path) -> MakeClip:
    """Make a clip of numbered frames: `make_clip("a.mp4", 40, "30000/1001", *output_options, inputs=(...))`."""

    def make(name: str, num_frames: int, rate: object = 25, *options: object, inputs: Sequence[object] = ()) -> Path:
        path = tmp_path / name
        data = b"".join(numbered_frame(number).tobytes() for number in range(num_frames))
        size = f"{WIDTH}x{HEIGHT}"
        raw = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", size, "-framerate", rate, "-i", "pipe:0"]
        ffmpeg(*raw, *inputs, "-pix_fmt", "yuv420p", *options, f"file:{path}", data=data)
        return path

    return make
