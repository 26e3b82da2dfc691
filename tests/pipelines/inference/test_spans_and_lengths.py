"""Videos whose mouth moves in some spans only, and videos retimed or shown to their end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.media.video.decode import read_frames


@pytest.fixture
def speech(example_voice: Path, tmp_path: Path) -> Path:
    """A sound of 0.32 s: 8 frames."""
    samples, rate = soundfile.read(example_voice)
    soundfile.write(tmp_path / "speech.wav", samples[rate : rate + rate * 8 // 25], rate)
    return tmp_path / "speech.wav"


def make(lipsync, good: Path, speech: Path, output: Path, *options: object) -> list[np.ndarray]:
    """Make a video of the clip of 15 frames, without loss; return its frames."""
    words = ["infer", good / "clip.mp4", speech, "-o", output, "--weights", good / "tiny.safetensors", "--crf", 0]
    result = lipsync(*words, *options)
    assert result.returncode == 0, result.stderr
    return list(read_frames(output))


def test_frames_outside_of_the_spans_pass_through(lipsync, good: Path, speech: Path, tmp_path: Path) -> None:
    source = list(read_frames(good / "clip.mp4"))[:8]
    moved = make(lipsync, good, speech, tmp_path / "all.mp4", "--silence", "model")
    options = ["--silence", "model", "--only", "0.12-0.2", "--only", "10-20"]
    within = make(lipsync, good, speech, tmp_path / "some.mp4", *options)
    assert [bool((one != other).any()) for one, other in zip(moved, source, strict=True)] == [True] * 8
    assert [bool((one != other).any()) for one, other in zip(within, source, strict=True)] == [
        *(False, False, False, True, True, False, False, False)
    ]


def test_the_video_is_retimed_or_shown_to_its_end(lipsync, good: Path, speech: Path, tmp_path: Path) -> None:
    assert len(make(lipsync, good, speech, tmp_path / "remap.mp4", "--extend", "remap")) == 8
    assert len(make(lipsync, good, speech, tmp_path / "silence.mp4", "--extend", "silence")) == 15
    about = json.loads(lipsync("info", tmp_path / "silence.mp4", "--json").stdout)
    assert about["video"]["rate"] == 25
    assert about["video"]["num_frames"] == 15
    assert about["audio"]["duration_s"] == pytest.approx(0.32, abs=0.1)
    assert about["marks"]["survived"][0] == "metadata"
