"""A face and a voice in, a talking face out: lengths, times, marks, and ends of every kind."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from functools import partial
from math import ceil

import numpy as np
import pytest
import soundfile
from fixtures.jobs import known_face, make_film, prepare, watch_runner

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.metadata import read_marks
from lipsync_cli.synthesis.film import infer


def left_over(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize(
    ("reference", "seconds"),
    [
        pytest.param("neutral", 0.5, id="neutral-shorter"),
        pytest.param("current", 2.0, id="current-longer"),
        pytest.param("neutral", 2.0, id="neutral-longer", marks=pytest.mark.slow),
        pytest.param("current", 0.5, id="current-shorter", marks=pytest.mark.slow),
    ],
)
def test_frames_and_sound_come_out_as_planned(face_clip, voice_file, weights, tmp_path, seconds, reference):
    output = tmp_path / "out.mp4"
    with prepare(face_clip, voice_file(seconds), output, weights) as job:
        result = make_film(job, reference)
    rate = Fraction(30000, 1001)
    assert result.num_frames == ceil(Fraction(seconds) * rate)
    assert read_timeline(output) == Timeline.constant(rate, result.num_frames)
    info = probe(output)
    assert info.video is not None
    assert info.audio is not None
    assert (info.video.width, info.video.height) == (256, 256)
    assert abs(len(read_speech(output)) / 16000 - seconds) < 1e-3
    assert sum(1 for _ in read_frames(output)) == result.num_frames
    marks = read_marks(output)
    assert marks["synthetic"]
    assert marks["weights_sha256"] == job.generator.header.sha256
    assert marks["weights"] == "tiny"
    assert (result.reference_frames == [[]]) == (reference == "current")
    assert left_over(tmp_path) == []


def test_variable_rate_keeps_its_times(astronaut, voice_file, weights, tmp_path):
    duration = np.array([33, 33, 50, 17, 40, 101, 33, 60, 40])
    source = Timeline(np.concatenate([[0], np.cumsum(duration)]), Fraction(1, 1000))
    clip = tmp_path / "variable.mp4"
    with VideoWriter(clip, 256, 256, source) as writer:
        for _ in duration:
            writer.write(astronaut)
    with prepare(clip, voice_file(0.35), tmp_path / "out.mp4", weights) as job:
        make_film(job)
    shown = read_timeline(tmp_path / "out.mp4")
    assert [shown.time(n) for n in range(8)] == [source.time(n) for n in range(8)]
    assert shown.num_frames == 8


def test_photo(astronaut, voice_file, weights, tmp_path):
    import cv2

    photo = tmp_path / "face.png"
    cv2.imwrite(str(photo), astronaut[:255, :, ::-1])
    said = []
    with prepare(photo, voice_file(0.5), None, weights) as job:
        result = infer(job, notify=said.append)
    assert result.output == tmp_path / "face.voice0.5.mp4"
    assert read_timeline(result.output) == Timeline.constant(25, 13)
    assert said == [f"{photo}: the mouth is open; its lips are brought together before it speaks"]


def test_silence_gives_a_film_without_nan(face_clip, voice_file, weights, tmp_path):
    said, silence = [], voice_file(0.3, 0.0)
    with pytest.raises(NothingToDoError, match="silent throughout; --silence model"):
        prepare(face_clip, silence, tmp_path / "out.mp4", weights)
    with prepare(face_clip, silence, tmp_path / "out.mp4", weights, silence="model") as job:
        make_film(job, notify=said.append)
    assert "silent throughout" in said[0]
    for frame in read_frames(tmp_path / "out.mp4"):
        assert frame[100:160, 100:150].std() > 10


def test_no_face_fails_before_the_generator_runs(numbered, voice_file, weights, tmp_path):
    def fail(method):
        raise AssertionError(f"the generator ran: {method}")

    output = tmp_path / "out.mp4"
    with (
        prepare(numbered(12), voice_file(0.4), output, weights) as job,
        pytest.raises(NothingToDoError, match="no face in 10 frames"),
    ):
        infer(watch_runner(job, fail))
    assert not output.exists()
    assert left_over(tmp_path) == []


def test_frames_without_a_face_are_counted_and_told(face_clip, voice_file, weights, tmp_path):
    said = []
    with prepare(face_clip, voice_file(0.5), tmp_path / "out.mp4", weights) as job:
        result = make_film(job, "auto", search=partial(known_face, missing=range(4, 9)), notify=said.append)
    assert result.num_without_face == 5
    assert result.num_frames == 15
    assert said == [f"{face_clip}: no face in 5 of 15 frames; they pass through as they are"]


@pytest.mark.parametrize("error", [InputError("is broken"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_failing_stage_leaves_nothing(face_clip, voice_file, weights, tmp_path, error):
    calls = []

    def fail(method):
        calls.extend([1] * (method == "submit"))
        if len(calls) == 2:
            raise error

    output = tmp_path / "out.mp4"
    with prepare(face_clip, voice_file(3), output, weights) as job, pytest.raises(type(error)):
        make_film(watch_runner(job, fail), "current")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["voice3.wav"]
    lasting = {"lipsync-children"}  # starts all programs
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("lipsync-")} <= lasting


def test_what_cannot_be_prepared(face_clip, voice_file, weights, tmp_path, numbered):
    voice = voice_file(0.5)
    with pytest.raises(InputError, match="has no picture"):
        prepare(voice, voice, tmp_path / "out.mp4", weights)
    with pytest.raises(InputError, match="has no sound"):
        prepare(face_clip, numbered(5), tmp_path / "out.mp4", weights)
    with pytest.raises(InputError, match=r"exists; use --force"):
        prepare(face_clip, voice, face_clip, weights)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 16000)
    with pytest.raises((InputError, NothingToDoError)):
        prepare(face_clip, empty, tmp_path / "out.mp4", weights)
    with pytest.raises(InputError, match="no such"):
        prepare(face_clip, voice, tmp_path / "out.mp4", tmp_path / "nothing.safetensors")


def test_weights_of_other_mels(face_clip, voice_file, weights, tmp_path):
    from dataclasses import replace

    from safetensors.torch import load_file

    from lipsync_cli.formats.weights import read_header, save_weights
    from lipsync_cli.speech.mel import MelParameters

    other = tmp_path / "other.safetensors"
    save_weights(other, load_file(weights), replace(read_header(weights), mel_parameters=MelParameters(fmin=80.0)))
    with pytest.raises(InputError, match=r"fmin is 55\.0 here and 80\.0 there"):
        prepare(face_clip, voice_file(0.5), tmp_path / "out.mp4", other)


def test_command(lipsync, astronaut, voice_file, weights, tmp_path):
    clip = tmp_path / "face.mp4"
    with VideoWriter(clip, 256, 256, 25) as writer:
        for _ in range(5):
            writer.write(astronaut)
    voice = voice_file(0.4)
    planned = lipsync("infer", clip, voice, "--weights", weights, "--json", "-n")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["num_frames"] == 10
    assert not (tmp_path / "face.voice0.4.mp4").exists()
    done = lipsync("infer", clip, voice, "--weights", weights, "--device", "cpu", "--extend", "hold")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "face.voice0.4.mp4")
    assert "ends before the speech" in done.stderr
    again = lipsync("infer", clip, voice, "--weights", weights)
    assert again.returncode == 3
    assert "exists, use --force" in again.stderr.replace(";", ",")


def test_real_clip(grid_dir, weights, tmp_path):
    clip, output = grid_dir / "s2" / "swwp2s.mpg", tmp_path / "out.mp4"
    with prepare(clip, clip, output, weights) as job:
        result = infer(job)
    assert result.num_without_face == 0
    before, after = list(read_frames(clip)), list(read_frames(output))
    assert len(after) == result.num_frames <= len(before)
    for one, other in zip(before, after, strict=False):
        assert np.abs(one[:120].astype(int) - other[:120]).mean() < 2  # only the coding differs


def test_tracks_are_kept_where_asked(face_clip, voice_file, weights, tmp_path):
    with prepare(face_clip, voice_file(0.5), tmp_path / "out.mp4", weights) as job:
        said = []
        make_film(job, notify=said.append, keep_tracks=True)
    assert said == [f"{face_clip}: has no tracks to keep beside its picture and its sound"]
    assert read_timeline(tmp_path / "out.mp4") == Timeline.constant(Fraction(30000, 1001), 15)
    assert read_marks(tmp_path / "out.mp4")["synthetic"]
    assert left_over(tmp_path) == []
