"""`lipsync infer` in a pipe: sound from stdin, the video to stdout, as of files."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync_cli.config.build import make
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.sound import raw_sound
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.sound.raw_sound import RawSound
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video import pipe_output
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.pipelines.configs import stream as options
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.infer_batch import run as run_batch
from lipsync_cli.pipelines.inference.standard_streams import find_stream, save_stream, with_stdin
from lipsync_cli.provenance.audio_watermark import find_mark
from lipsync_cli.provenance.metadata import read_marks

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
SUFFIXES = {"mp4": ".mp4", "matroska": ".mkv", "mpegts": ".ts"}


class Piped:
    """Inputs of a short video, and the video that a run with files makes of them."""

    def __init__(self, folder: Path, weights: Path, make_clip: Callable[..., Path], voice: Path, run: Run) -> None:
        self.face, self.voice, self.made = folder / "face.mp4", folder / "voice.wav", folder / "made.mp4"
        self.options = ["--weights", str(weights), "--device", "cpu"]
        self.samples, self.rate = soundfile.read(voice, dtype="int16")
        self.samples = self.samples[: 3 * self.rate // 2]
        make_clip(self.face, num_frames=20)
        soundfile.write(self.voice, self.samples, self.rate)
        result = run("infer", self.face, self.voice, "-o", self.made, *self.options, text=False)
        assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def piped(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_weights: Path,
    make_clip: Callable[..., Path],
    example_voice: Path,
    lipsync_process: Run,
) -> Piped:
    return Piped(tmp_path_factory.mktemp("piped"), tiny_weights, make_clip, example_voice, lipsync_process)


@pytest.fixture
def pipe(lipsync_process: Run) -> Run:
    """Run the command line with bytes on stdin and stdout."""

    def run(*args: object, data: bytes) -> subprocess.CompletedProcess[bytes]:
        return lipsync_process(*args, text=False, input=data, stdin=None)

    return run


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_video_of_a_pipe_is_that_of_files(container: str, piped: Piped, pipe: Run, tmp_path: Path) -> None:
    words = ["infer", piped.face, "-", "-o", "-", "--format", container, "--json", *piped.options]
    result = pipe(*words, data=piped.voice.read_bytes())
    assert result.returncode == 0, result.stderr
    film = tmp_path / f"film{SUFFIXES[container]}"
    film.write_bytes(result.stdout)
    pairs = list(zip(read_frames(film), read_frames(piped.made), strict=True))
    assert len(pairs) == 38
    assert all(np.array_equal(one, other) for one, other in pairs)
    heard, wanted = read_speech(film), read_speech(piped.made)
    length = min(len(heard), len(wanted))
    assert abs(len(heard) - len(wanted)) < 2048
    assert np.abs(heard[:length] - wanted[:length]).mean() < 1e-3  # at the same times; a frame apart, 0.07
    assert find_mark(film).score == pytest.approx(find_mark(piped.made).score, rel=0.1)
    assert read_marks(film)["synthetic"] is (container != "mpegts")
    if container == "mp4":
        assert read_timeline(film) == read_timeline(piped.made)
    told = json.loads(result.stderr.splitlines()[-1])
    assert told["num_frames"] == 38
    assert told["output"] == "-"
    assert ("metadata" in told["marks"]) is (container != "mpegts")


def test_raw_sound_and_a_face_from_stdin(piped: Piped, pipe: Run, tmp_path: Path) -> None:
    words = ["infer", piped.face, "-", "-o", tmp_path / "raw.mp4", "--rate", piped.rate, *piped.options]
    assert pipe(*words, data=piped.samples.tobytes()).returncode == 0
    words = ["infer", "-", piped.voice, "-o", tmp_path / "face.mp4", *piped.options]
    assert pipe(*words, data=piped.face.read_bytes()).returncode == 0
    for name in ("raw.mp4", "face.mp4"):
        pairs = zip(read_frames(tmp_path / name), read_frames(piped.made), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)


def test_reader_that_leaves_ends_the_run_quietly(piped: Piped, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "lipsync_cli", "infer", piped.face, "-", "-o", "-", "-q", *piped.options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([str(word) for word in words], env={**os.environ, "TMPDIR": str(tmp_path)}, **pipes) as run:  # type: ignore[call-overload]
        run.stdout.close()
        run.stdin.write(piped.voice.read_bytes())
        run.stdin.close()
        said = run.stderr.read()
    assert (run.returncode, said) == (141, b"")
    assert not list(tmp_path.iterdir())


def test_result_of_a_plan_leaves_stdout_alone(piped: Piped, pipe: Run) -> None:
    result = pipe("infer", piped.face, "-", "-o", "-", "-n", "--json", *piped.options, data=piped.voice.read_bytes())
    assert (result.returncode, result.stdout) == (0, b"")
    assert json.loads(result.stderr)["num_frames"] == 38


def test_what_is_wrong_with_stdin_is_told_by_its_name(piped: Piped, pipe: Run, tmp_path: Path) -> None:
    for data, fact in ((b"", b"standard input: is empty"), (b"no sound at all", b"standard input: is not a video")):
        result = pipe("infer", piped.face, "-", "-o", tmp_path / "a.mp4", *piped.options, data=data)
        assert result.returncode == 3
        assert fact in result.stderr
        assert b"lipsync-stdin" not in result.stderr


def test_terminals_are_refused(tmp_path: Path) -> None:
    ours, terminal = pty.openpty()
    config = make(InferConfig, face="a.mp4", speech=["-"], output="-")
    try:
        with pytest.raises(UsageError, match=r"terminal.*> out.mp4"):
            find_stream(config, terminal)
        with (
            open(terminal, "rb", buffering=0, closefd=False) as stdin,
            pytest.raises(UsageError, match="terminal"),
            with_stdin(config, stdin, print),  # type: ignore[arg-type]
        ):
            pass
    finally:
        os.close(ours)
        os.close(terminal)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"output": "-", "resume": True}, "--resume"),
        ({"output": "-", "sidecar": True}, "--sidecar"),
        ({"output": "-", "credentials": True}, "--credentials"),
        ({"output": "-", "no_mark": "told"}, "--no-mark"),
        ({"output": "-", "keep_tracks": True}, "--keep-tracks"),
        ({"output": "a.mp4", "container": "mpegts"}, "--format"),
        ({"face": "-", "output": "a.mp4"}, "twice"),
        ({"face": "-", "speech": ["a.wav"]}, "no name"),
        ({"driving_audio": "-"}, "face or the speech"),
        ({"speech": ["a.wav"], "rate": 16000}, "--rate"),
        ({"speaker": ["0=-"], "speech": []}, "--speaker"),
    ],
)
def test_what_makes_no_sense_in_a_pipe_is_refused(values: dict[str, object], words: str, tmp_path: Path) -> None:
    config = make(InferConfig, **{"face": "a.mp4", "speech": ["-"], **values})
    with (
        open(tmp_path / "out", "wb") as stdout,
        pytest.raises(UsageError, match=words),
        with_stdin(config, io.BytesIO(b"x"), print),
    ):
        find_stream(config, stdout.fileno())


@pytest.mark.parametrize("values", [{"output": "-"}, {"face": "-"}, {"speech": ["-", "b.wav"]}])
def test_several_speeches_are_no_pipe(values: dict[str, object], tmp_path: Path) -> None:
    config = make(InferConfig, **{"face": "a.mp4", "speech": ["a.wav", "b.wav"], "output": tmp_path, **values})
    with pytest.raises(UsageError):
        run_batch(config)


@pytest.mark.parametrize("coding", options.CODINGS)
def test_raw_sound_is_kept_as_wav(coding: str, tmp_path: Path) -> None:
    wanted = np.linspace(-0.9, 0.9, 50, dtype=np.float32).reshape(-1, 2)
    subtypes = {"u8": "PCM_U8", "s16le": "PCM_16", "s24le": "PCM_24", "s32le": "PCM_32", "f32le": "FLOAT"}
    soundfile.write(tmp_path / "raw", wanted, 16000, subtypes[coding], format="RAW")
    data, raw = (tmp_path / "raw").read_bytes(), RawSound(16000, coding, 2)
    tolerance = 2 / 256 if coding == "u8" else 1e-4
    assert np.abs(raw.samples(data) - wanted).max() < tolerance
    save_stream(io.BytesIO(data + b"\0"), tmp_path / "a.wav", raw)  # half a sample, as of a program that was stopped
    found, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 16000
    assert np.abs(found - wanted).max() < tolerance


def test_no_room_for_stdin_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="standard input: cannot be kept"):
        save_stream(io.BytesIO(b"x"), tmp_path / "missing" / "a.wav")


def test_options_and_readers_know_the_same_names() -> None:
    assert tuple(raw_sound.CODINGS) == options.CODINGS
    assert options.CONTAINERS == pipe_output.CONTAINERS
    default = options.StreamOptions()
    assert replace(default, container="mp4") == default
