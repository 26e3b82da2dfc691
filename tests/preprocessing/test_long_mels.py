"""Mels of long and of silent sounds: memory does not grow with the length, and silence is no clip."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import soundfile
from fixtures.media_clips import write_clicks
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.preprocessing.clip_jobs import ClipJob, Part
from lipsync_cli.preprocessing.find_clips import SOUND, find_clips
from lipsync_cli.preprocessing.mels import mel_of_clip
from lipsync_cli.runtime.resumable import write_part
from lipsync_cli.speech.mel import MelParameters, log_mel

PARAMETERS = {"mel_parameters": MelParameters().to_dict()}


def test_the_memory_of_a_long_sound_is_less_than_its_mel(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 8000, 1) as file:
        for _ in range(20):
            file.write(rng.normal(0, 0.1, 60 * 8000))
    (clip,) = find_clips(tmp_path / "a.wav", (SOUND,))
    mel_of_clip(ClipJob(find_clips(write_clicks(tmp_path / "b.wav", [0.1], 1), (SOUND,))[0], PARAMETERS, tmp_path))
    tracemalloc.start()
    made = mel_of_clip(ClipJob(clip, PARAMETERS, tmp_path))
    write_part(tmp_path / "part.npz", made)
    shapes = [rows.shape for rows in Part(clip, tmp_path / "part.npz").read_rows("mel")]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(count for count, _ in shapes) == 20 * 60 * 80 + 1
    assert peak < 25e6  # the mel alone has 30.7 MB


def test_a_mel_that_was_made_in_blocks_is_that_of_the_whole(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "a.wav", [0.3, 14.2], 15)
    (clip,) = find_clips(path, (SOUND,))
    write_part(tmp_path / "part.npz", mel_of_clip(ClipJob(clip, PARAMETERS, tmp_path)))
    part = Part(clip, tmp_path / "part.npz")
    np.testing.assert_array_equal(np.concatenate(list(part.read_rows("mel", 700))), log_mel(read_speech(path)))
    np.testing.assert_array_equal(part.read("mel")[0], log_mel(read_speech(path)))


def test_clips_without_any_sound_are_named_and_counted(tmp_path: Path) -> None:
    clips = tmp_path / "ann"
    clips.mkdir()
    write_clicks(clips / "voice.wav", [0.3], 1)
    write_clicks(clips / "silent.wav", [], 1)
    result = CliRunner().invoke(cli.app, ["mels", str(clips), str(tmp_path / "mels.h5"), "--json"])
    assert result.exit_code == 5
    assert "silent.wav: its sound is silent throughout" in result.stderr
    assert {"clips": 1, "failed": 1}.items() <= json.loads(result.stdout).items()
