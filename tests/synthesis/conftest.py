"""Small clips whose frames carry their number, and a real face."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.media.encode import VideoWriter

BITS, SIDE = 12, 16


def number_frame(number: int) -> np.ndarray:
    """A frame (32, 192, 3) that shows its number in black and white squares."""
    frame = np.zeros((2 * SIDE, BITS * SIDE, 3), np.uint8)
    for bit in range(BITS):
        frame[:, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
    return frame


@pytest.fixture
def frame_number() -> Callable[[np.ndarray], int]:
    """Read the number of a frame again, even from a lossy film."""

    def read(frame: np.ndarray) -> int:
        return sum((int(frame[8:24, b * SIDE + 4 : b * SIDE + 12].mean()) > 127) << b for b in range(BITS))

    return read


@pytest.fixture(scope="session")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a film of numbered frames: `numbered(num_frames, rate)` -> path."""
    folder = tmp_path_factory.mktemp("numbered")

    @cache
    def make(num_frames: int, timeline: Fraction | int = 25) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.mp4"
        with VideoWriter(path, BITS * SIDE, 2 * SIDE, timeline, crf=25) as writer:
            for number in range(num_frames):
                writer.write(number_frame(number))
        return path

    return make
