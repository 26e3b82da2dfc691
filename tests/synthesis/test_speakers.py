"""Several people in one video, each with the own voice."""

from __future__ import annotations

import json
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from fixtures.jobs import open_scene, prepare

from lipsync_cli.config.build import make
from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.selection import parse_face_selection
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.speakers import chosen_people
from lipsync_cli.runtime.array_cache import ArrayCache
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

NUM_FRAMES = 9


@pytest.fixture(scope="module")
def three(astronaut, tmp_path_factory):
    """A film of three people beside each other."""
    path = tmp_path_factory.mktemp("three") / "three.mp4"
    with VideoWriter(path, 768, 256, 25) as writer:
        for number in range(NUM_FRAMES):
            trio = np.concatenate([astronaut, astronaut[:, ::-1], astronaut], 1)
            writer.write(np.ascontiguousarray(np.roll(trio, number % 3, 0)))
    return path


def draw(clip, speakers, weights, output, silence="close", reference="current"):
    """Return what is drawn, without coding it, and the source's frames."""
    (names, voices), said = zip(*speakers.items(), strict=True), []
    choices = [parse_face_selection(name, "hog") for name in names]
    with (
        prepare(clip, voices, output, weights, silence=silence) as job,
        SceneBuilder(reference, choices=choices) as builder,
    ):
        scene = open_scene(builder, job, notify=said.append)
        with scene.renderer.views(job.schedule, job.voices) as views:
            drawn = [view.pixels for view in views]
        return drawn, [scene.video.frame(int(number)) for number in job.schedule.order], said


def test_each_is_drawn_as_if_alone_and_who_is_not_named_stays(three, voice_file, weights, tmp_path):
    short, long = voice_file(0.24), voice_file(0.36)
    output = tmp_path / "out.mp4"
    drawn, source, said = draw(three, {"2": short, "left": long}, weights, output, reference="neutral")
    assert len(drawn) == 9
    assert "--speaker 2 is face 2, --speaker left is face 0" in said[0]
    left = draw(three, {"0": long}, weights, output, reference="neutral")[0]
    right = draw(three, {"1": long, "2": short}, weights, output, reference="neutral")[0]
    for number, frame in enumerate(drawn):
        np.testing.assert_array_equal(frame[:, :256], left[number][:, :256])
        np.testing.assert_array_equal(frame[:, 256:512], source[number][:, 256:512])
        assert (frame[:, :256] != source[number][:, :256]).any()
        assert (frame[:, 512:] != source[number][:, 512:]).any()
        np.testing.assert_array_equal(frame[:, 512:], right[number][:, 512:])


def test_who_has_finished_keeps_the_mouth_closed_or_the_own(three, voice_file, weights, tmp_path):
    short, long = voice_file(0.4), voice_file(0.84)
    with prepare(three, [short, long], tmp_path / "out.mp4", weights, device=None) as job:
        assert (job.voices[0].windows(np.array([0.74, 0.82])) == -4).all()
    drawn, source, _ = draw(three, {"0": short, "1": long}, weights, tmp_path / "out.mp4", "keep")
    np.testing.assert_array_equal(drawn[20][:, :256], source[20][:, :256])
    assert (drawn[2][:, :256] != source[2][:, :256]).any()


def test_the_film_is_as_long_as_the_longest_voice_and_both_are_heard(three, voice_file, weights, tmp_path):
    short, long, output = voice_file(0.3), voice_file(0.5), tmp_path / "out.mp4"
    choices = [parse_face_selection("0", "hog"), parse_face_selection("1", "hog")]
    with prepare(three, [short, long], output, weights) as job:
        result = infer(job, "current", choices=choices)
    assert result.num_frames == ceil(Fraction(1, 2) * 25)
    assert len(result.reference_frames) == 2
    assert read_timeline(output) == Timeline.constant(25, 13)
    samples = read_speech(output)
    assert abs(len(samples) / 16000 - 0.5) < 1e-3
    alone, both = np.abs(samples[5200:7600]).mean(), np.abs(samples[400:2400]).mean()
    assert both > 1.6 * alone > 0.1


def test_a_default_name_and_a_third_sound(three, voice_file, weights):
    one, other, music = voice_file(0.2), voice_file(0.3), voice_file(0.4)
    with prepare(three, [one, other], None, weights, final_audio=music, device=None) as job:
        assert job.output.path.name == "three.voice0.2.voice0.3.mp4"
        assert job.output.sound == music
        assert job.schedule.num_frames == 10


def test_two_names_of_one_person_are_refused_when_found_and_when_remembered(three, voice_file, weights, tmp_path):
    voice, cache = voice_file(0.2), ArrayCache(tmp_path / "cache")
    for names, error in ((("0", "left"), UsageError), (("0", "3"), NothingToDoError)):
        choices = [parse_face_selection(name, "hog") for name in names]
        with (
            prepare(three, [voice, voice], tmp_path / "out.mp4", weights) as job,
            SceneBuilder(memory=FaceReferenceCache(cache), choices=choices) as builder,
            pytest.raises(error, match=r"three\.mp4: (0 and left are the same person|no face 3: it shows 3)"),
        ):
            open_scene(builder, job)
    for names in (("0",), ("left",), ("0", "left")):
        choices = [parse_face_selection(name, "hog") for name in names]
        with (
            prepare(three, [voice] * len(names), tmp_path / "out.mp4", weights) as job,
            SceneBuilder(memory=FaceReferenceCache(cache), choices=choices) as builder,
        ):
            if len(names) == 1:
                open_scene(builder, job)
                continue
            with pytest.raises(UsageError, match="0 and left are the same face"):
                open_scene(builder, job)


def given(**options):
    return make(InferConfig, face="two.mp4", detector="hog", **options)


def test_options(tmp_path):
    people = chosen_people(given(speaker=["1=a=b.wav", "left=c.wav"]))
    assert [choice.wanted for choice in people.choices] == [1, "left"]
    assert [str(voice) for voice in people.voices] == ["a=b.wav", "c.wav"]
    assert chosen_people(given(who="right")).voices == ()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"speaker": ["0=a.wav", "0=b.wav"]}, "--speaker 0 is given 2 times"),
        ({"speaker": ["a.wav"]}, "is not WHO=SPEECH"),
        ({"speaker": ["=a.wav"]}, "is not WHO=SPEECH"),
        ({"speaker": ["0="]}, "is not WHO=SPEECH"),
        ({"speaker": ["nobody=a.wav"]}, "'nobody' is not known"),
        ({"speaker": ["0=a.wav"], "speech": ["b.wav"]}, "does not go with a speech"),
        ({"speaker": ["0=a.wav"], "messages": "list.jsonl"}, "does not go with --messages"),
        ({"speaker": ["0=a.wav"], "faces": "faces.h5"}, "does not go with --faces"),
        ({"speaker": ["0=a.wav"], "driving_audio": "b.wav"}, "does not go with --driving-audio"),
        ({"speaker": ["0=a.wav"], "who": "left"}, "does not go with --face"),
    ],
)
def test_options_that_contradict_each_other(options, told):
    with pytest.raises(UsageError, match=told):
        chosen_people(given(**options))


def test_command(lipsync, three, voice_file, weights, tmp_path):
    one, other = voice_file(0.2), voice_file(0.3)
    line = ["infer", three, "--weights", weights, "--speaker", f"0={one}", "--speaker", f"right={other}"]
    planned = lipsync(*line, "-o", tmp_path / "out.mp4", "--debug-video", tmp_path / "debug.mp4", "-n", "--json")
    assert planned.returncode == 0
    assert json.loads(planned.stdout)["num_frames"] == 8
    refused = lipsync(*line, one)
    assert refused.returncode == 2
    assert refused.stderr == "lipsync: --speaker does not go with a speech; name every voice as --speaker WHO=SPEECH\n"
