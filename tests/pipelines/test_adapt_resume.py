"""`lipsync infer --adapt --resume`, killed while it draws, goes on with the weights that it had adapted."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.formats.weights import read_header
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.synthesis.rendering import segments
from lipsync_cli.training import adaptation as training
from lipsync_cli.training.adaptation import Adapted

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal
from contextlib import contextmanager
from test_adapt_resume import learn
from lipsync_cli import cli
from lipsync_cli.synthesis.rendering import segments as pieces
from lipsync_cli.training import adaptation as adapt

adapt.adapt, pieces.PIECE_S, writing = learn, 1, pieces.Segments.writing

@contextmanager
def write_one(self, piece):
    with writing(self, piece) as path:
        yield path
    os.kill(os.getpid(), signal.SIGKILL)

pieces.Segments.writing = write_one
cli.app()
"""


def learn(generator, *_, **__):  # type: ignore[no-untyped-def]
    """Stand in for the training: other weights each time, as a clock makes them, and a gain."""
    import torch

    with torch.no_grad():
        generator.flow_head.bias.add_(torch.from_numpy(np.random.default_rng().normal(0, 0.3, 2)))
    before = {"mouth_psnr": 20.0, "over_wrong_audio_db": 0.1}
    return Adapted(generator, 480, before, before | {"mouth_psnr": 22.0})


def test_killed_and_run_again(
    make_clip: Callable[..., Path], tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = make_clip(tmp_path / "ann.mp4", num_frames=75, start_s=0)
    voice, rate = soundfile.read(ROOT / "examples" / "speech.flac")
    soundfile.write(tmp_path / "voice.wav", voice[: 2 * rate], rate)
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{Path(__file__).parent}")
    monkeypatch.setattr(training, "adapt", learn)
    monkeypatch.setattr(segments, "PIECE_S", 1)

    def line(name: str) -> list[str]:
        inputs = [str(face), str(tmp_path / "voice.wav"), "--weights", str(tiny_weights)]
        kept = ["--save-weights", str(tmp_path / f"{name}.safetensors"), "--force"]
        return ["infer", *inputs, "-o", str(tmp_path / f"{name}.mp4"), "--adapt", "1m", *kept, "--resume"]

    killed = subprocess.run([sys.executable, "-c", KILLED, *line("out")], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert "adapted with" in killed.stderr
    assert not (tmp_path / "out.mp4").exists()
    assert len(list((tmp_path / ".out.mp4.pieces").glob("[0-9]*.mp4"))) == 1
    first = read_header(tmp_path / "out.safetensors").sha256
    again = CliRunner().invoke(cli.app, line("out"))
    assert again.exit_code == 0, again.stderr
    assert "was adapted to before" in again.stderr
    assert "1 of 2 pieces that an earlier run has made" in again.stderr
    undisturbed = CliRunner().invoke(cli.app, line("whole"))
    assert undisturbed.exit_code == 0, undisturbed.stderr
    assert "earlier run" not in undisturbed.stderr
    assert read_header(tmp_path / "out.safetensors").sha256 == first
    pairs = list(zip(read_frames(tmp_path / "out.mp4"), read_frames(tmp_path / "whole.mp4"), strict=True))
    assert len(pairs) == 50
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert np.array_equal(read_speech(tmp_path / "out.mp4"), read_speech(tmp_path / "whole.mp4"))
    assert not (tmp_path / ".out.mp4.pieces").exists()
