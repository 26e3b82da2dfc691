"""Whole jobs as one call each: a configuration in, a typed result out, and nothing printed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_cli.config.build import make
from lipsync_cli.errors import InputError, LipsyncError, UsageError
from lipsync_cli.formats.weights import read_header
from lipsync_cli.pipelines import detect_faces
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.inference import infer, infer_batch
from lipsync_cli.pipelines.scoring import score

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def face(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("face") / "ann.mp4", num_frames=16)


@pytest.fixture
def asked(face: Path, tiny_weights: Path) -> dict[str, object]:
    return {"face": face, "weights": tiny_weights, "device": "cpu"}


def test_a_film_is_planned_and_made(
    asked: dict[str, object], face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    config = make(InferConfig, **asked, speech=[face], output=tmp_path / "out.mp4")
    plan = infer.plan(config, notify=said.append)
    assert (plan.output, plan.num_frames, plan.marks) == (tmp_path / "out.mp4", 16, ["metadata", "sound"])
    assert list(tmp_path.iterdir()) == []
    done = []
    result = infer.run(config, progress=lambda number, total, label: done.append(number), notify=said.append)
    assert (result.output, result.num_frames) == (plan.output, plan.num_frames)
    assert result.output.exists()
    assert done
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_several_speeches_are_a_batch(
    asked: dict[str, object], face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.mp4"
    shutil.copyfile(face, other)
    folder, failed = tmp_path / "films", []
    config = make(InferConfig, **asked, speech=[face, other, tmp_path / "none.wav"], output=folder)
    assert config.is_batch
    with pytest.raises(UsageError, match="several speeches"):
        infer.run(config)
    plan = infer_batch.plan(config)
    assert (plan.messages, plan.to_make, plan.ready, plan.failed) == (3, 3, 0, 0)
    assert not folder.exists()
    result = infer_batch.run(config, on_failure=failed.append)
    assert result.made == [folder / "ann.mp4", folder / "other.mp4"]
    assert (result.failed, result.total, len(failed)) == (1, 3, 1)
    assert isinstance(failed[0], InputError)
    again = infer_batch.run(config, on_failure=failed.append)
    assert (again.made, again.skipped) == ([], result.made)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_list_of_speeches_is_read_from_lines(asked: dict[str, object], face: Path, tmp_path: Path) -> None:
    config = make(InferConfig, **asked, messages="-", output=tmp_path / "films")
    lines = [
        f'{{"speech": "{face}", "output": "a", "extend": "Pingpong"}}',
        f'{{"speech": "{face}", "extend": "back"}}',
    ]
    failed: list[LipsyncError] = []
    plan = infer_batch.plan(config, lines, on_failure=failed.append)
    assert (plan.messages, plan.failed) == (1, 1)
    assert str(failed[0]) == "-: line 2: extend is 'back', not one of bounce, loop, hold, trim, remap, silence"


@pytest.mark.parametrize("name", ["driving_audio", "drive_audio"])
def test_a_list_may_name_the_driving_sound(name: str, asked: dict[str, object], face: Path, tmp_path: Path) -> None:
    config = make(InferConfig, **asked, messages="-", output=tmp_path / "films")
    line = f'{{"speech": "{face}", "{name}": "{SPEECH}"}}'
    assert infer_batch.plan(config, [line]).messages == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "no speech is given"),
        ({"speech": ["a.wav"], "save_weights": "mine.safetensors"}, "--save-weights goes with --adapt"),
        ({"speech": ["a.wav"], "certificate": "mine.pem"}, "--certificate and --private-key go together"),
        ({"speech": ["a.wav", "b.wav"]}, "several speeches"),
        ({"speaker": ["0=a.wav"], "messages": "list.jsonl"}, "--speaker does not go with --messages"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        infer.run(make(InferConfig, face="face.mp4", **options))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"speech": ["a.wav", "b.wav"]}, "need a folder"),
        ({"speech": ["a.wav"], "messages": "-", "output": "films"}, "speeches are named and --messages, too"),
        ({"speech": ["a.wav", "b.wav"], "driving_audio": "c.wav", "output": "films"}, "are for one speech"),
        ({"speech": ["a.wav", "b.wav"], "debug_video": "c.mp4", "output": "films"}, "--debug-video is for one speech"),
    ],
)
def test_options_that_make_no_sense_for_many_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        infer_batch.run(make(InferConfig, face="face.mp4", **options))


def test_faces_are_found_and_told(face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = make(detect_faces.DetectFacesConfig, source=face.parent, output=tmp_path / "faces.h5", every_frame=True)
    plan = detect_faces.plan(config)
    assert (plan.clips, plan.crop_rule.keyframe_interval) == (1, 1)
    assert not config.output.exists()
    result = detect_faces.run(config)
    assert (result.clips, result.failed, result.output) == (1, 0, tmp_path / "faces.h5")
    assert capsys.readouterr().out == ""


def test_a_video_is_scored(face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = make(ScoreConfig, sources=[face], reference=face, metrics="mouth_psnr", device="cpu")
    assert score.plan(config) == {"output": str(face), "reference": str(face)}
    result = score.run(config, "lipsync score")
    assert result.heading == "ann.mp4 against ann.mp4"
    assert (result.count, result.failed) == (1, 0)
    assert result.scores.facts["command"] == "lipsync score"
    assert "mouth_psnr" in result.scores.rows["output"]
    assert capsys.readouterr().out == ""


def test_the_options_of_a_film_are_kept_beside_it(asked: dict[str, object], face: Path, tmp_path: Path) -> None:
    import json

    config = make(InferConfig, **asked, speech=[face], output=tmp_path / "out.mp4", sidecar=True, articulation=1.2)
    infer.run(config)
    told = json.loads((tmp_path / "out.mp4.json").read_text())
    assert told["options"]["articulation"] == 1.2
    assert told["options"]["extend"] == "bounce"
    assert not {"private_key", "force", "profile"} & set(told["options"])
    assert told["weights"]["sha256"] == read_header(config.files.weights).sha256


def test_a_training_job_takes_the_options_of_its_recipe() -> None:
    job = make(TrainJob, pack=["a.h5"], run="run", recipe="wgan-gp", epochs=2)
    assert (job.config.recipe, job.config.learning_rate, job.config.epochs) == ("wgan-gp", 1e-4, 2.0)


def test_speeches_of_a_list_are_heard_in_the_track_that_is_asked_for(
    asked: dict[str, object], face: Path, tmp_path: Path
) -> None:
    config = make(InferConfig, **asked, messages="-", output=tmp_path / "films", audio_track=1)
    failed: list[LipsyncError] = []
    result = infer_batch.run(config, [f'{{"speech": "{face}"}}'], on_failure=failed.append)
    assert (result.made, result.failed) == ([], 1)
    assert "has 1 audio tracks, and --audio-track 1 is none of them" in str(failed[0])
    config = make(InferConfig, **asked, messages="-", output=tmp_path / "films", audio_track=0)
    assert infer_batch.run(config, [f'{{"speech": "{face}"}}'], on_failure=failed.append).failed == 0
