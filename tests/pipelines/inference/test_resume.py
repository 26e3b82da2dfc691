"""`lipsync infer --resume`, killed as soon as a piece is there, ends with the film of an undisturbed run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.provenance.audio_watermark import find_mark
from lipsync_cli.provenance.metadata import read_marks

ROOT = Path(__file__).resolve().parents[3]


def test_killed_and_run_again(make_clip: Callable[..., Path], tiny_weights: Path, tmp_path: Path) -> None:
    voice, rate = soundfile.read(ROOT / "examples" / "speech.flac")
    soundfile.write(tmp_path / "voice.wav", np.tile(voice, 11), rate)  # 44 s: three pieces at 2 frames a second
    face, output, folder = tmp_path / "face.mp4", tmp_path / "out.mp4", tmp_path / ".out.mp4.pieces"
    make_clip(face, num_frames=8, rate=2, sound=False)

    def line(name: str) -> list[str]:
        inputs = [str(face), str(tmp_path / "voice.wav"), "--weights", str(tiny_weights)]
        return ["infer", *inputs, "-o", str(tmp_path / name), "--resume", "--visible-watermark"]

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "lipsync_cli", *line("out.mp4")], **quiet) as process:  # type: ignore[call-overload]
        while process.poll() is None and not any(folder.glob("[0-9]*.mp4")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode < 0, "it ended before it could be killed"
    assert not output.exists()
    assert any(folder.glob("[0-9]*.mp4"))
    again = CliRunner().invoke(cli.app, line("out.mp4"))
    assert again.exit_code == 0, again.stderr
    assert "that an earlier run has made" in again.stderr
    undisturbed = CliRunner().invoke(cli.app, line("undisturbed.mp4"))
    assert undisturbed.exit_code == 0, undisturbed.stderr
    assert "that an earlier run" not in undisturbed.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.mp4", "out.mp4", "undisturbed.mp4", "voice.wav"]
    wanted = tmp_path / "undisturbed.mp4"
    pairs = list(zip(read_frames(output), read_frames(wanted), strict=True))
    assert len(pairs) > 80
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert read_timeline(output) == read_timeline(wanted)
    assert np.array_equal(read_speech(output), read_speech(wanted))
    assert read_marks(output) == read_marks(wanted)
    assert read_marks(output)["synthetic"]
    assert find_mark(output).found


@pytest.mark.parametrize("number", [pytest.param(number, marks=pytest.mark.slow) for number in (2, 10)])
def test_many_at_once_in_one_folder(number: int, clip_folder: Path, tiny_weights: Path, tmp_path: Path) -> None:
    """Each makes its own film, of the length of its own speech, and none disturbs another."""
    voice, rate = soundfile.read(ROOT / "examples" / "speech.flac")
    processes, speeches = [], []
    for place in range(number):
        speeches.append(tmp_path / f"voice {place}.wav")
        soundfile.write(speeches[-1], voice[: round((1 + 0.2 * place) * rate)], rate)
        line = ["infer", str(clip_folder / "ann" / "a1.mp4"), str(speeches[-1]), "--weights", str(tiny_weights)]
        output = ["-o", str(tmp_path / f"out {place}.mp4"), "-q"]
        processes.append(subprocess.Popen([sys.executable, "-m", "lipsync_cli", *line, *output]))
    assert [process.wait(300) for process in processes] == [0] * number
    films = [tmp_path / f"out {place}.mp4" for place in range(number)]
    for place, film in enumerate(films):
        assert read_timeline(film).num_frames == 25 + 5 * place
        assert sum(1 for _ in read_frames(film)) == 25 + 5 * place
        assert abs(len(read_speech(film)) / 16000 - (1 + 0.2 * place)) < 1e-3
        assert read_marks(film)["synthetic"]
    assert sorted(tmp_path.iterdir()) == sorted([*films, *speeches])
