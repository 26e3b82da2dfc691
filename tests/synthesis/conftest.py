"""Small clips whose frames carry their number, and a real face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.track import Track
from lipsync_cli.media.encode import VideoWriter
from lipsync_cli.speech.mel import MelParameters

BITS, SIDE = 12, 16


def number_frame(number: int) -> np.ndarray:
    """A frame (32, 192, 3) that shows its number in black and white squares."""
    frame = np.zeros((2 * SIDE, BITS * SIDE, 3), np.uint8)
    for bit in range(BITS):
        frame[:, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
    return frame


class Stills:
    """Footage of some pictures, all of them at hand."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self._frames = frames
        self.frame_bytes = frames[0].nbytes

    def at_hand(self) -> range:
        return range(len(self._frames))

    def frame(self, number: int) -> np.ndarray:
        return self._frames[number]

    def frames(self, order: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        return ((number, self._frames[number]) for number in order)


@pytest.fixture(scope="session")
def stills() -> type[Stills]:
    """Makes footage of pictures."""
    return Stills


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


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny compact generator that has learnt nothing: it moves nothing and mixes in a little grey."""
    import torch

    from lipsync_cli import models
    from lipsync_cli.data.weights import WeightsHeader, save_weights

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    dims = {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 8}
    rule, parameters = CropRule(), MelParameters()
    save_weights(
        path, models.build("compact", dims).state_dict(), WeightsHeader("compact", dims, rule, parameters, "none", 0)
    )
    return path


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A real face, (256, 256, 3)."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[:256, 96:352])


FACE = np.array([73.0, 57.0, 181.0, 165.0], np.float32)  # about where the detector sees it


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A film of 30 frames of a face that sways, 29.97 frames per second."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    with VideoWriter(path, 256, 256, Fraction(30000, 1001)) as writer:
        for number in range(30):
            writer.write(np.roll(astronaut, (number % 5, 2 * number % 9), (0, 1)))
    return path


@pytest.fixture
def voice_file(tmp_path: Path) -> Callable[[float], Path]:
    """Write a voice-like sound of a length in seconds."""

    def make(seconds: float, loudness: float = 0.3) -> Path:
        path = tmp_path / f"voice{seconds:g}.wav"
        time_s = np.arange(round(16000 * seconds)) / 16000
        pulses = np.sign(np.sin(2 * np.pi * 120 * time_s)) * (np.sin(2 * np.pi * 3 * time_s) > 0)
        soundfile.write(path, loudness * pulses, 16000)
        return path

    return make


@pytest.fixture
def no_detector(monkeypatch):
    """The face is where it is: nothing is searched, every frame is still read."""

    def find_faces(frames, rule, *_):
        num_frames = sum(1 for _ in frames)
        return [Track(np.tile(FACE, (num_frames, 1)), np.ones(num_frames), np.full((num_frames, 5, 2), np.nan))]

    monkeypatch.setattr("lipsync_cli.synthesis.presenter.find_faces", find_faces)
