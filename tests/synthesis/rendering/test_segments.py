"""A film in pieces: stopped at any moment, the same call goes on and ends with an undisturbed run's film."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from fixtures.jobs import known_face, make_film, open_scene, prepare, watch_runner

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.sound.mix import mix
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.provenance.metadata import read_marks
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.rendering.fingerprint import fingerprint_of
from lipsync_cli.synthesis.rendering.marking import Marking
from lipsync_cli.synthesis.rendering.scene import SceneBuilder
from lipsync_cli.synthesis.rendering.segments import KEY, Segments, folder_of
from lipsync_cli.synthesis.sources.frame_schedule import plan_frames

RATE = Fraction(30000, 1001)
PIECE_FRAMES = 21


def interrupt(job, num_calls):
    """Let the generator of a job draw some times, then stop the program."""
    calls = []

    def count(method):
        calls.extend([1] * (method == "submit"))
        if len(calls) > num_calls:
            raise KeyboardInterrupt

    return watch_runner(job, count)


def check_same(output, wanted):
    """Pictures, times and sound of two films are equal, each bit."""
    frames, others = list(read_frames(output)), list(read_frames(wanted))
    assert len(frames) == len(others) > 0
    assert all(np.array_equal(one, other) for one, other in zip(frames, others, strict=True))
    assert read_timeline(output) == read_timeline(wanted)
    assert np.array_equal(read_speech(output), read_speech(wanted))
    assert read_marks(output) == read_marks(wanted)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_goes_on_where_it_stopped(face_clip, voice_file, weights, tmp_path):
    marked = Marking(label="synthetic", sidecar=True)

    def make(name, num_calls=1000, marking=marked):
        said.clear()
        options = {"notify": said.append, "resume": True, "piece_frames": PIECE_FRAMES, "marking": marking}
        with prepare(face_clip, voice, tmp_path / f"{name}.mp4", weights) as job:
            return make_film(interrupt(job, num_calls), "neutral", batch_size=8, **options)

    said, voice, output = [], voice_file(2.5), tmp_path / "out.mp4"
    make("undisturbed")
    folder = folder_of(output)
    for num_calls, num_done in ((2, 0), (4, 1), (5, 2)):
        with pytest.raises(KeyboardInterrupt):
            make("out", num_calls)
        assert not output.exists()
        assert not output.with_name(f"{output.name}.json").exists()
        assert len(list(folder.glob("0*.mp4"))) == num_done
        assert folder.exists() == bool(num_done)
        if num_done:
            assert said[-1] == f"{output}: {num_done} of 4 pieces are kept; the same with --resume goes on with them"
    for piece in folder.glob("0*.mp4"):
        assert read_marks(piece)["synthetic"]
    first = folder / "000000.mp4"
    first.write_bytes(first.read_bytes()[:1000])  # damaged: it is drawn again
    shutil.copytree(folder, tmp_path / "kept")
    result = make("out")
    assert f"{output}: goes on with 1 of 4 pieces that an earlier run has made" in said
    assert result.num_frames == 75
    assert result.marks == ["metadata", "sound", "label"]
    check_same(output, tmp_path / "undisturbed.mp4")
    beside = [f"{name}.mp4{more}" for name in ("out", "undisturbed") for more in ("", ".json")]
    assert names_in(tmp_path) == sorted([*beside, "kept", voice.name])
    for path in (output, output.with_name(f"{output.name}.json")):
        path.unlink()
    shutil.move(tmp_path / "kept", folder)
    make("out", marking=Marking(label="made up"))
    assert f"{output}: begins anew, the pieces of an earlier run differ in: marks" in said
    assert not np.array_equal(next(read_frames(output)), next(read_frames(tmp_path / "undisturbed.mp4")))
    assert not folder.exists()


def test_a_film_in_pieces_is_the_one_at_once_but_for_its_coding(face_clip, voice_file, weights, tmp_path):
    def make(name, **options):
        with prepare(face_clip, voice_file(1.5), tmp_path / name, weights) as job:
            make_film(job, "current", piece_frames=PIECE_FRAMES, **options)

    left = folder_of(tmp_path / "at once.mp4")  # by a killed run; it goes with the film, however that is made
    left.mkdir()
    (left / KEY).touch()
    make("at once.mp4")
    assert not left.exists()
    make("pieces.mp4", resume=True)
    one, other = (list(read_frames(tmp_path / name)) for name in ("at once.mp4", "pieces.mp4"))
    assert len(one) == len(other) == 45
    assert read_timeline(tmp_path / "pieces.mp4") == Timeline.constant(RATE, 45)
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(one, other, strict=True)) < 4
    assert np.array_equal(read_speech(tmp_path / "at once.mp4"), read_speech(tmp_path / "pieces.mp4"))
    assert read_marks(tmp_path / "at once.mp4") == read_marks(tmp_path / "pieces.mp4")


@pytest.mark.slow
def test_a_piece_depends_on_nothing_that_was_made_before(face_clip, voice_file, weights, tmp_path):
    """Of several messages each film is the one that it is alone, although the presenter knows the faces' codes."""

    def make(name, seconds, builder):
        with prepare(face_clip, voice_file(seconds), tmp_path / name, weights) as job:
            infer(job, builder=builder, resume=True, piece_frames=PIECE_FRAMES)

    with SceneBuilder("neutral", 8, Fraction(1), search=known_face) as builder:
        make("short.mp4", 0.6, builder)
        make("second.mp4", 1.5, builder)
    with SceneBuilder("neutral", 8, Fraction(1), search=known_face) as builder:
        make("alone.mp4", 1.5, builder)
    check_same(tmp_path / "second.mp4", tmp_path / "alone.mp4")


def test_variable_rate(astronaut, voice_file, weights, tmp_path):
    from lipsync_cli.media.video.encode import VideoWriter

    source = Timeline(np.cumsum([0, *[33, 50, 17, 40] * 4, *[40] * 20]), Fraction(1, 1000))
    clip = tmp_path / "variable.mp4"
    with VideoWriter(clip, 256, 256, source) as writer:
        for _ in range(36):
            writer.write(astronaut)
    with prepare(clip, voice_file(1.2), tmp_path / "out.mp4", weights) as job:
        result = make_film(job, resume=True, piece_frames=PIECE_FRAMES)
        assert len(Segments(job.output.path, job.schedule, {}, piece_frames=PIECE_FRAMES).all) > 1
    shown = read_timeline(tmp_path / "out.mp4")
    assert [shown.time(n) for n in range(result.num_frames)] == [source.time(n) for n in range(result.num_frames)]


def test_facts_tell_every_difference(face_clip, voice_file, weights, tmp_path):
    from safetensors.torch import load_file

    from lipsync_cli.formats.weights import read_header, save_weights

    def facts(job, scene, marking=None, crf=18):
        return fingerprint_of(job, scene, marking or Marking(), {"crf": crf})

    def differ(other):
        return {name for name in {*usual, *other} if usual.get(name) != other.get(name)}

    voice = voice_file(0.5)
    with (
        prepare(face_clip, voice, tmp_path / "out.mp4", weights) as job,
        SceneBuilder("neutral", search=known_face) as builder,
    ):
        scene = open_scene(builder, job)
        usual = facts(job, scene)
        moved, changed = (shutil.copy(face_clip, tmp_path / name) for name in ("moved.mp4", "changed.mp4"))
        with open(changed, "ab") as file:
            file.write(b"\0\0\0\x08free")
        elsewhere = replace(job.output, path=tmp_path / "another name.mp4")
        assert facts(replace(job, source=replace(job.source, path=moved), output=elsewhere), scene) == usual
        assert facts(job, scene, Marking(options={"output": tmp_path, "speech": [tmp_path]})) == usual
        assert differ(facts(replace(job, source=replace(job.source, path=changed)), scene)) == {"face"}
        mixed = replace(job.output, sound=mix([voice, voice]))
        assert differ(facts(replace(job, output=mixed), scene)) == {"sound"}
        quicktime = replace(job.output, path=tmp_path / "out.mov")
        assert differ(facts(replace(job, output=quicktime), scene)) == {"kind of video"}
        plan = replace(job.schedule, order=job.schedule.order[::-1])
        assert differ(facts(replace(job, schedule=plan), scene)) == {"times"}
        assert differ(facts(job, replace(scene, boxes=np.zeros((1, 15, 4))))) == {"found faces"}
        assert differ(facts(job, scene, crf=19)) == {"crf"}
        for marking in (Marking(no_mark="a test"), Marking(label="made up"), Marking(sidecar=True)):
            assert differ(facts(job, scene, marking)) == {"marks"}
        assert differ(facts(job, scene, Marking(options={"keep_tracks": True}))) == {"keep tracks"}
    other_weights, tensors = tmp_path / "other.safetensors", load_file(weights)
    tensors[min(tensors)] += 1
    save_weights(other_weights, tensors, read_header(weights))
    other = {"weights": other_weights, "silence": "keep", "start_s": Fraction(1, 5)}
    with (
        prepare(face_clip, voice_file(0.5, 0.2), job.output.path, **other) as job,
        SceneBuilder("current", 5, search=known_face) as builder,
    ):
        scene = open_scene(builder, job)
        names = {"weights", "marks", "voices", "sound", "references", "picture", "batch size"}
        assert differ(facts(job, scene)) == names


def test_two_runs_do_not_share_pieces(tmp_path):
    plan = plan_frames(Timeline.constant(25, 100), Fraction(4))
    with Segments(tmp_path / "a.mp4", plan, {}), pytest.raises(InputError, match="another run"):
        with Segments(tmp_path / "a.mp4", plan, {}):
            pass
    assert names_in(tmp_path) == []


def test_what_it_does_not_go_with(face_clip, voice_file, weights, tmp_path):
    with prepare(face_clip, voice_file(0.5), tmp_path / "out.mp4", weights) as job, pytest.raises(UsageError):
        make_film(job, resume=True, debug_video=tmp_path / "look.mp4")
    assert names_in(tmp_path) == ["voice0.5.wav"]


@pytest.mark.parametrize("record", ["[" * 100_000, "[3]", '{"pieces": "\\ud800"}', "{"])
def test_a_record_of_pieces_that_is_odd_is_of_other_pieces(record, tmp_path):
    plan = plan_frames(Timeline.constant(25, 100), Fraction(4))
    with Segments(tmp_path / "a.mp4", plan, {}) as pieces:
        first = pieces.all[0].path
        (place,) = [path for path in first.parent.iterdir() if path.suffix == ".json"]
        place.write_text(record)
        first.write_bytes(b"piece")
    with Segments(tmp_path / "a.mp4", plan, {}):
        assert not first.exists()
