"""`lipsync swap` from a film to a film: marks, frames without a face, and bad input in one line."""

import json

import numpy as np
import pytest
import soundfile
from fixtures.synthesis_fixtures import astronaut, face_clip, save_people

from lipsync_cli.config.build import make
from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError
from lipsync_cli.faces.dlib_models import ALL_LANDMARKS, find_pretrained
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.pipelines.swapping import swap
from lipsync_cli.pipelines.swapping.config import SwapConfig
from lipsync_cli.provenance.metadata import read_marks

__all__ = ["astronaut", "face_clip"]


needs_landmarks = pytest.mark.skipif(
    find_pretrained(ALL_LANDMARKS) is None, reason="dlib's landmarks are not installed"
)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Weights of two people that have learned nothing, but show all that they draw."""
    return save_people(tmp_path_factory.mktemp("swap") / "people.safetensors")


def _asked(film, people, tmp_path, **options):
    given = {"video": film, "weights": people, "to": ["bob"], "output": tmp_path / "out.mp4", "device": "cpu"}
    return make(SwapConfig, **{**given, **options})


@needs_landmarks
def test_a_film_gets_another_face_and_says_so(face_clip, people, tmp_path):
    said, done = [], []
    config = _asked(face_clip, people, tmp_path, smooth="kalman")
    plan = swap.plan(config)
    assert (plan.people, plan.marking.names()) == (("bob",), ["metadata", "label"])
    assert list(tmp_path.iterdir()) == []
    result = swap.run(config, progress=lambda number, total, label: done.append(label), notify=said.append)
    assert (result.num_frames, result.num_swapped, result.people) == (30, 30, ["bob"])
    assert {"finding landmarks", "swapping the face"} <= set(done)
    assert any("of the fine detail of the video's own" in text for text in said)
    marks = read_marks(result.output)
    assert (marks["synthetic"], marks["swap_to"], marks["swap_weights"]) == (True, "bob", "people")
    assert "the face was replaced by another person's" in probe(result.output).tags["comment"]
    before, after = (list(read_frames(path, 0, 30)) for path in (face_clip, result.output))
    difference = np.abs(after[10].astype(int) - before[10]).mean(2)
    assert difference[90:130, 110:150].mean() > 10
    assert difference[:40, :60].mean() < 3  # away from face and label


@needs_landmarks
def test_a_speech_is_said_by_the_swapped_face_in_the_same_run(face_clip, people, tmp_path):
    speech = tmp_path / "voice.wav"
    time_s = np.arange(8000) / 16000
    soundfile.write(speech, 0.3 * np.sign(np.sin(2 * np.pi * 120 * time_s)), 16000)
    result = swap.run(_asked(face_clip, people, tmp_path, speech=speech, occlusion="ignore"))
    assert result.num_frames == 15
    assert result.marks == ["metadata", "sound", "label"]
    assert probe(result.output).audio is not None


@needs_landmarks
def test_without_marks_the_reason_is_kept(face_clip, people, tmp_path):
    config = _asked(face_clip, people, tmp_path, no_mark="a test", end="0.3", occlusion="ignore")
    result = swap.run(config)
    assert (result.marks, result.no_mark_reason) == ([], "a test")
    assert "a test" in (tmp_path / "out.mp4.json").read_text()


def test_bad_input_is_told_in_one_line(face_clip, people, weights, tmp_path):
    def told(**options):
        with pytest.raises(LipsyncError) as error:
            swap.plan(_asked(face_clip, people, tmp_path, **options))
        assert len(str(error.value).splitlines()) == 1
        return error.value

    unknown = told(to=["eve"])
    assert isinstance(unknown, UsageError)
    assert "knows nobody called 'eve'; choose from ann, bob" in str(unknown)
    missing = told(to=[])
    assert "--to is missing; choose from ann, bob" in str(missing)
    other = told(weights=weights)
    assert isinstance(other, InputError)
    assert "holds a generator, not a face swapper" in str(other)
    assert "none come with the package" in str(told(weights=None))
    assert "is no kind of video" in str(told(output=tmp_path / "out.txt"))
    assert "--to 'left=' is not WHO=NAME" in str(told(to=["left=", "right=bob"]))
    assert "--face does not go with" in str(told(to=["0=ann", "1=bob"], who="left"))
    assert list(tmp_path.iterdir()) == []


def test_a_film_without_a_face(people, tmp_path):
    film = tmp_path / "grey.mp4"
    with VideoWriter(film, 128, 128, 25) as writer:
        for _ in range(15):
            writer.write(np.full((128, 128, 3), 100, np.uint8))
    with pytest.raises(NothingToDoError, match=r"no face in 15 frames") as error:
        swap.run(_asked(film, people, tmp_path))
    assert error.value.exit_code == 4
    assert not (tmp_path / "out.mp4").exists()


def test_the_command_plans_and_its_exit_codes(face_clip, people, weights, tmp_path, lipsync):
    common = ("swap", face_clip, "--weights", people, "-o", tmp_path / "out.mp4")
    planned = lipsync(*common, "--to", "ann", "-n", "--json")
    assert planned.returncode == 0, planned.stderr
    found = json.loads(planned.stdout)
    assert (found["frames"], found["people"], found["marks"]) == (30, ["ann"], ["metadata", "label"])
    unknown = lipsync(*common, "--to", "eve")
    assert (unknown.returncode, len(unknown.stderr.strip().splitlines())) == (2, 1)
    other = lipsync("swap", face_clip, "--weights", weights, "--to", "ann", "-o", tmp_path / "out.mp4")
    assert (other.returncode, len(other.stderr.strip().splitlines())) == (3, 1)
    assert list(tmp_path.iterdir()) == []
