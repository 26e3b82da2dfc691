"""Whether the generator gets a process of its own is told by the sound's header: the loading waits for it."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.synthesis.generation.generator_choice import is_long

RATE = Fraction(25)


def test_header_is_believed_and_nothing_decoded(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=20 * 16000)
    soundfile.write(tmp_path / "a.flac", noise, 16000)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 8])  # cannot be decoded to its end
    assert is_long(tmp_path / "a.flac", RATE, 2)


@pytest.mark.parametrize(("seconds", "wanted"), [(2, False), (9, True)])
def test_sound_without_a_length_is_decoded(seconds: int, wanted: bool, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000 * seconds), 16000)
    line = ["-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", "flac", "-f", "matroska", "-live", "1"]
    subprocess.run([find_tool("ffmpeg"), *line, str(tmp_path / "a.mkv")], check=True)
    assert is_long(tmp_path / "a.mkv", RATE, 2) is wanted
    assert not is_long(tmp_path / "a.mkv", RATE, 1)


def test_sound_that_is_missing_is_told_of_elsewhere(tmp_path: Path) -> None:
    assert not is_long(tmp_path / "missing.wav", RATE, 2)
