"""`import lipsync_cli as lipsync`: the public functions, their results and their errors."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import lipsync_cli as lipsync
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.provenance.metadata import read_marks

ROOT = Path(__file__).resolve().parents[2]
TINY = {"recipe": "l1", "generator": "compact", "batch_size": 2, "max_samples": 4}


@pytest.fixture(scope="module")
def face(make_clip, tmp_path_factory) -> Path:
    """A clip of 15 frames."""
    return make_clip(tmp_path_factory.mktemp("api") / "face.mp4", 15)


def test_the_import_is_light() -> None:
    code = "import sys, lipsync_cli; print(len(lipsync_cli.__all__), *sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split()[1:])
    assert not loaded & {"torch", "numpy", "cv2", "dlib", "h5py", "typer", "matplotlib"}


def test_every_public_name_is_there_and_typed() -> None:
    package = ROOT / "lipsync_cli"
    stub = ast.parse((package / "__init__.pyi").read_text())
    typed = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(lipsync.__all__) <= set(dir(lipsync))
    assert all(getattr(lipsync, name).__doc__ for name in typed)
    assert (package / "py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'infre'"):
        lipsync.infre  # noqa: B018


def test_what_may_go_wrong_is_exported() -> None:
    from lipsync_cli import errors

    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds == {getattr(lipsync, name) for name in lipsync.__all__ if name.endswith("Error")}
    assert all(issubclass(kind, lipsync.LipsyncError) for kind in kinds)


def test_infer_makes_a_marked_film(face: Path, tiny_weights: Path, tmp_path: Path) -> None:
    done, said = [], []
    made = lipsync.infer(
        str(face),
        face,
        tmp_path / "out.mp4",
        weights=tiny_weights,
        cache=False,
        device="cpu",
        progress=lambda count, total, what: done.append((count, total)),
        notify=said.append,
    )
    assert isinstance(made, lipsync.InferResult)
    assert made.output == tmp_path / "out.mp4"
    assert made.num_frames == 15 == read_timeline(made.output).num_frames
    assert made.duration_s == pytest.approx(0.6)
    assert made.num_without_face == 0
    assert made.weights == "tiny"
    assert made.marks == ("metadata", "sound")
    assert read_marks(made.output)["weights_sha256"] == made.weights_sha256
    assert (15, 15) in done
    assert said == []
    with pytest.raises(lipsync.InputError, match="exists"):
        lipsync.infer(face, face, made.output, weights=tiny_weights, device="cpu")


def test_infer_says_whose_mouth_it_moves_as_the_command_does(face: Path, tmp_path: Path) -> None:
    with pytest.raises(lipsync.NothingToDoError):
        lipsync.infer(face, face, tmp_path / "out.mp4", who=3, cache=False, device="cpu")
    with pytest.raises(lipsync.UsageError, match="'nobody' is not known"):
        lipsync.infer(face, face, tmp_path / "out.mp4", who="nobody")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "fact"),
    [
        (
            lambda: lipsync.infer("a.mp4", "a.wav", extend="often"),
            "extend 'often' does not exist; use bounce, loop, hold",
        ),
        (lambda: lipsync.infer("a.mp4", "a.wav", silence="loud"), "silence 'loud'"),
        (lambda: lipsync.infer("a.mp4", "a.wav", articulation=4), "articulation 4"),
        (lambda: lipsync.infer("a.mp4", "a.wav", crf=60), "crf 60"),
        (lambda: lipsync.infer("a.mp4", "a.wav", device="tpu"), "no device is called 'tpu'"),
        (lambda: lipsync.detect_faces("clips", "f.h5", detector="eye"), "detector 'eye'"),
        (lambda: lipsync.detect_faces("clips", "f.h5", size=16), "size 16"),
        (lambda: lipsync.detect_faces("clips", "f.h5", jobs=0), "jobs 0 is out of range"),
        (lambda: lipsync.train("p.h5", "run", learning_rat=1), "no option 'learning_rat'; did you mean learning_rate?"),
        (lambda: lipsync.train("p.h5", "run", recipe="lipgam"), "lipgam"),
        (lambda: lipsync.score("a.mp4", metrics="beauty"), "no metric or group is called 'beauty'"),
        (lambda: lipsync.score("a.mp4", split="exam"), "split 'exam'"),
        (lambda: lipsync.score("a.h5", max_frames=0), "max_frames 0"),
    ],
)
def test_what_cannot_be_is_said_before_any_file_is_read(call, fact: str) -> None:
    with pytest.raises(lipsync.UsageError) as caught:
        call()
    assert fact in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda path: lipsync.infer(path, path, device="cpu"),
        lambda path: lipsync.detect_faces(path, path.with_name("faces.h5")),
        lambda path: lipsync.train(path, path.with_name("run"), device="cpu"),
        lambda path: lipsync.score(path, device="cpu"),
    ],
)
def test_a_file_that_is_not_there(call, tmp_path: Path) -> None:
    with pytest.raises(lipsync.InputError, match=r"missing\.mp4: no such file"):
        call(tmp_path / "missing.mp4")
    assert list(tmp_path.iterdir()) == []


def test_detect_faces_tells_of_a_clip_that_fails(face: Path, tmp_path: Path) -> None:
    clips, told = tmp_path / "clips", []
    (clips / "ann").mkdir(parents=True)
    (clips / "ann" / "good.mp4").write_bytes(face.read_bytes())
    (clips / "ann" / "bad.mp4").write_bytes(face.read_bytes()[:2000])
    found = lipsync.detect_faces(clips, tmp_path / "faces.h5", on_failure=told.append)
    assert found == lipsync.FacesResult(tmp_path / "faces.h5", 1, 15, 0, tuple(told))
    assert "bad.mp4" in str(*told)
    assert isinstance(told[0], lipsync.LipsyncError)


def test_train_and_score_a_pack(good: Path, tmp_path: Path) -> None:
    said: list[str] = []
    made = lipsync.train(good / "grid.h5", tmp_path / "run", device="cpu", notify=said.append, **TINY)
    assert made.run == tmp_path / "run"
    assert made.samples == 4
    assert made.weights.parent == made.run
    assert made.weights.exists()
    assert made.figures["samples"] == 4
    with pytest.raises(lipsync.InputError, match="seed"):
        lipsync.train(good / "grid.h5", tmp_path / "run", device="cpu", seed=11, **TINY)
    found = lipsync.score(good / "grid.h5", weights=made.run, metrics=["mouth_psnr"], max_frames=3, device="cpu")
    assert {"model", "copy", "ground_truth"} <= set(found.means)
    assert found.failures == ()
    assert 5 < found.means["model"]["mouth_psnr"] < 60
    assert found.scores.summary()["all"]["model"]["mouth_psnr"].frames == 3


def test_score_a_video_and_a_folder_of_them(face: Path, clip_folder: Path, tmp_path: Path) -> None:
    other = clip_folder / "ann" / "a2.mp4"
    alike = lipsync.score(face, face, metrics="mouth_ssim", device="cpu").means["output"]["mouth_ssim"]
    unlike = lipsync.score(other, face, metrics="mouth_ssim", align=True, device="cpu").means["output"]["mouth_ssim"]
    assert unlike < alike == pytest.approx(1)
    (tmp_path / "made").mkdir()
    for name in ("face.mp4", "lonely.mp4"):
        (tmp_path / "made" / name).write_bytes(face.read_bytes())
    found = lipsync.score(tmp_path / "made", face.parent, metrics="mouth_ssim", device="cpu")
    assert found.means["output"]["mouth_ssim"] == pytest.approx(1)
    assert len(found.failures) == 1
    assert "lonely.mp4" in str(found.failures[0])
    with pytest.raises(lipsync.UsageError, match="weights are for a pack"):
        lipsync.score(face, face, weights=tmp_path, device="cpu")


def test_the_example_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.mp4"
    runpy.run_path(str(ROOT / "examples" / "python_api.py"))["main"](output)
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{output}: 75 frames, weights lipsync_compact"
    psnr = float(second.split()[2])
    assert second.startswith("mouth PSNR ")
    assert psnr > 22
