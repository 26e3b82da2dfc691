"""`lipsync live`: a few seconds of speech, faster than real time."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures.fakes import FakeClock

from lipsync_cli.config.build import make
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.pipelines.configs.live import LiveConfig
from lipsync_cli.pipelines.live import run
from lipsync_cli.provenance.audio_watermark import find_mark
from lipsync_cli.provenance.metadata import read_marks


@pytest.fixture(scope="module")
def presenter(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("presenter") / "face.mp4", num_frames=20, sound=False)


def test_speech_comes_out_as_a_film(presenter: Path, example_voice: Path, tiny_weights: Path, tmp_path: Path) -> None:
    output, notes = tmp_path / "out.mkv", list[str]()
    config = make(
        LiveConfig,
        face=presenter,
        speech=example_voice,
        to=str(output),
        weights=tiny_weights,
        device="cpu",
        visible_watermark=True,
    )
    result = run(config, notify=notes.append, clock=FakeClock())
    length_s = len(soundfile.read(example_voice)[0]) / 16000
    assert result.report.num_frames == len(list(read_frames(output))) == -(-length_s * 25 // 1)
    assert 0 <= result.report.drift_s < 0.04
    assert result.report.repeated == 0
    assert any(note.startswith("latency: 240 ms") for note in notes)
    assert len(read_speech(output)) == pytest.approx(16000 * length_s, abs=2048)
    assert result.marks == ["metadata", "sound", "label"]
    assert read_marks(output)["synthetic"]
    assert find_mark(output).score > 2
    with pytest.raises(InputError, match="exists"):
        run(config)


def test_it_stands_in_a_pipe(presenter: Path, example_voice: Path, tiny_weights: Path, lipsync_process, tmp_path: Path):
    samples, _ = soundfile.read(example_voice, dtype="int16")
    words = [
        "live",
        presenter,
        "--rate",
        16000,
        "--weights",
        tiny_weights,
        "--device",
        "cpu",
        "--json",
        "--format",
        "mpegts",
    ]
    result = lipsync_process(*words, text=False, input=samples[:16000].tobytes(), stdin=None)
    assert result.returncode == 0, result.stderr
    (tmp_path / "out.ts").write_bytes(result.stdout)
    told = json.loads(result.stderr.splitlines()[-1])
    assert told["num_frames"] == len(list(read_frames(tmp_path / "out.ts"))) == 25
    assert told["marks"] == ["sound"]


def test_reader_that_leaves_ends_it_quietly(presenter: Path, example_voice: Path, tiny_weights: Path) -> None:
    import sys

    words = [sys.executable, "-m", "lipsync_cli", "live", presenter, example_voice, "-q", "--weights", tiny_weights]
    with subprocess.Popen(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"face": "-"}, "prepared before the start"),
        ({"rate": 16000, "speech": "a.wav"}, "--rate"),
        ({"speech": "-"}, "terminal"),
        ({"speech": "a.wav"}, "terminal"),
        ({"speech": "a.wav", "to": "gopher://a"}, "not known"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object], words: str) -> None:
    ours, terminal = os.openpty()
    try:
        with pytest.raises(UsageError, match=words):
            run(make(LiveConfig, **{"face": "a.mp4", **values}), stdin=terminal, stdout=terminal)
    finally:
        os.close(ours)
        os.close(terminal)


def test_nothing_is_left_at_work(presenter: Path, tiny_weights: Path, tmp_path: Path) -> None:
    np.zeros(100, np.int16).tofile(tmp_path / "a.wav")
    before = threading.active_count()
    with pytest.raises(InputError):
        run(
            make(
                LiveConfig, face=presenter, speech=tmp_path / "a.wav", to=str(tmp_path / "a.mkv"), weights=tiny_weights
            )
        )
    assert threading.active_count() <= before + 1
    assert not (tmp_path / "a.mkv").exists()
