"""`lipsync infer --adapt --resume`, killed while it draws, goes on with the weights that it had adapted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lipsync_cli.config.build import make as build
from lipsync_cli.formats.weights import read_header
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.infer import open_session
from lipsync_cli.training.adaptation import Adapted

ROOT = Path(__file__).resolve().parents[3]
KILLED = """
import os, signal, sys
from pathlib import Path
from test_adapt_resume import make

folder, pieces = Path(sys.argv[1]), Path(sys.argv[1]) / ".out.mp4.pieces"

def progress(*_):
    if list(pieces.glob("[0-9]*.mp4")):
        os.kill(os.getpid(), signal.SIGKILL)

make(folder, "out", progress=progress, notify=lambda text: print(text, flush=True))
"""


def learn(generator, *_, **__):  # type: ignore[no-untyped-def]
    """Stand in for the training: other weights each time, as a clock makes them, and a gain."""
    import torch

    with torch.no_grad():
        generator.flow_head.bias.add_(torch.from_numpy(np.random.default_rng().normal(0, 0.3, 2)))
    before = {"mouth_psnr": 20.0, "over_wrong_audio_db": 0.1}
    return Adapted(generator, 480, before, before | {"mouth_psnr": 22.0})


def make(folder: Path, name: str, **options: Any) -> None:
    """Make a film with the files of a folder."""
    files = {"face": folder / "ann.mp4", "speech": [folder / "voice.wav"], "weights": folder / "tiny.safetensors"}
    kept = {"save_weights": folder / f"{name}.safetensors", "force": True, "adapt": "1m", "resume": True}
    config = build(InferConfig, output=folder / f"{name}.mp4", **files, **kept)
    with (
        open_session(config, cache=folder / "cache", learn=learn, piece_frames=25, **options) as session,
        session.prepare(config.files.speech, config.files.output) as job,
    ):
        session.make(job)


@pytest.mark.slow
def test_killed_and_run_again(make_clip: Callable[..., Path], tiny_weights: Path, tmp_path: Path) -> None:
    make_clip(tmp_path / "ann.mp4", num_frames=75, start_s=0)
    shutil.copy(tiny_weights, tmp_path / "tiny.safetensors")
    voice, rate = soundfile.read(ROOT / "examples" / "speech.flac")
    soundfile.write(tmp_path / "voice.wav", voice[: 2 * rate], rate)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path], env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert "adapted with" in killed.stdout
    assert not (tmp_path / "out.mp4").exists()
    assert len(list((tmp_path / ".out.mp4.pieces").glob("[0-9]*.mp4"))) == 1
    first = read_header(tmp_path / "out.safetensors").sha256
    again: list[str] = []
    make(tmp_path, "out", notify=again.append)
    assert "was adapted to before" in "\n".join(again)
    assert "1 of 2 pieces that an earlier run has made" in "\n".join(again)
    undisturbed: list[str] = []
    make(tmp_path, "whole", notify=undisturbed.append)
    assert "earlier run" not in "\n".join(undisturbed)
    assert read_header(tmp_path / "out.safetensors").sha256 == first
    pairs = list(zip(read_frames(tmp_path / "out.mp4"), read_frames(tmp_path / "whole.mp4"), strict=True))
    assert len(pairs) == 50
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert np.array_equal(read_speech(tmp_path / "out.mp4"), read_speech(tmp_path / "whole.mp4"))
    assert not (tmp_path / ".out.mp4.pieces").exists()
