"""`lipsync score` on a real pack and real videos."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from lipsync_cli import cli, models
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import WeightsHeader, save_weights
from lipsync_cli.speech.mel import MelParameters


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture(scope="module")
def bench(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with grid.h5 (one test clip of each of two speakers) and untrained weights, which copy the reference."""
    folder = tmp_path_factory.mktemp("bench")
    faces, mels = folder / "faces.h5", folder / "mels.h5"
    for words in (
        ("detect-faces", clip_folder, faces, "--jobs", 1),
        ("mels", clip_folder, mels, "--jobs", 1),
        ("pack", faces, mels, folder / "grid.h5", "--test-per-speaker", 1),
    ):
        result = run(*words, "-q")
        assert result.exit_code == 0, result.stderr
    torch.manual_seed(0)
    save(folder, "mine", MelParameters())
    return folder


def save(folder: Path, name: str, mel_parameters: MelParameters) -> None:
    dims = {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 16}
    with Pack(folder / "grid.h5") as pack:
        rule = pack.crop_rule
    header = WeightsHeader("compact", dims, rule, mel_parameters, "test", 0)
    save_weights(folder / f"{name}.safetensors", models.build("compact", dims).state_dict(), header)


def test_means_are_the_result_and_the_rest_are_details(bench: Path) -> None:
    words = ("--weights", bench / "mine.safetensors", "--metrics", "mouth_psnr,mouth_ssim", "-q")
    short, result = (run("score", bench / "grid.h5", *words, *more) for more in ((), ("--details",)))
    assert short.exit_code == result.exit_code == 0, result.stderr
    assert short.stderr == result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:2] == ["compact weights mine after 0 samples on the test clips of grid.h5", "40 frames of 2 clips"]
    means = short.stdout.splitlines()
    assert means[:6] == lines[:6]
    assert means[-1] == "medians, extremes, intervals, each speaker's means: --details, or -o FOLDER"
    assert not any(line.startswith(("  model", "bob")) for line in means)
    for row in ("model", "copy", "mismatched audio", "ground truth", "model - copy", "model - mismatched audio"):
        assert sum(line.startswith(f"  {row}  ") for line in lines) == 2
    assert any(line.startswith("bob") for line in lines)


def test_json_is_one_object(bench: Path) -> None:
    words = ("score", bench / "grid.h5", "--weights", bench / "mine.safetensors", "--max-frames", 10, "--json")
    words += ("--metrics", "reconstruction")
    result = run(*words)
    summary = json.loads(result.stdout)
    assert summary["frames"] == 10
    assert summary["weights"]["architecture"] == "compact"
    overall = summary["groups"]["all"]
    assert abs(overall["model - wrong_audio"]["mouth_psnr"]["mean"]) < 1  # untrained: it hardly listens
    assert overall["ground_truth"]["crop_ssim"]["min"] == 1
    assert run(*words).stdout == result.stdout


def test_output_is_a_folder_a_file_or_json_lines_on_stdout(bench: Path, tmp_path: Path) -> None:
    words = ("score", bench / "grid.h5", "--weights", bench / "mine.safetensors", "--max-frames", 10)
    words += ("--metrics", "mouth_psnr", "-o")
    result = run(*words, tmp_path / "scores")
    assert result.stdout == f"{tmp_path / 'scores'}\n"
    assert "PSNR of the mouth" in result.stderr
    assert result.stderr.splitlines()[-1].endswith(f"each speaker's means: {tmp_path / 'scores' / 'table.txt'}")
    assert "\nbob" in (tmp_path / "scores" / "table.txt").read_text()
    names = ["boxes.png", "samples.png", "scores.jsonl", "table.txt"]
    assert sorted(file.name for file in (tmp_path / "scores").iterdir()) == names
    assert run(*words, tmp_path / "scores").exit_code == 3
    assert run(*words, tmp_path / "scores", "-f").exit_code == 0
    assert run(*words, tmp_path / "one.jsonl").stdout == f"{tmp_path / 'one.jsonl'}\n"
    streamed = run(*words, "-")
    assert streamed.stdout == (tmp_path / "one.jsonl").read_text()
    assert all(
        json.loads(line)["kind"] in ("protocol", "summary", "clip", "frames") for line in streamed.stdout.splitlines()
    )


def test_dry_run_says_what_would_be_scored(bench: Path) -> None:
    result = run("score", bench / "grid.h5", "--weights", bench / "mine.safetensors", "-n", "--json")
    assert json.loads(result.stdout) == {"pack": str(bench / "grid.h5"), "split": "test", "clips": 2, "frames": 40}


def test_a_video_against_the_real_one(clip_folder: Path) -> None:
    clip = clip_folder / "ann" / "a1.mp4"
    result = run("score", clip, "--reference", clip, "--metrics", "reconstruction", "--json", "-q")
    overall = json.loads(result.stdout)["groups"]["all"]
    assert overall["output"]["mouth_psnr"]["mean"] == 100
    assert overall["output - copy"]["frame_psnr"]["mean"] > 50
    assert overall["output"]["mouth_psnr"]["low"] is None
    assert json.loads(run("score", clip, "--reference", clip, "-n", "--json").stdout)["reference"] == str(clip)


class Payload:
    """What a pickle would do if it were loaded."""

    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle was run')",)


def test_networks_of_the_wrong_kind_are_refused_before_any_work(bench: Path, clip_folder: Path) -> None:
    clip = clip_folder / "ann" / "a1.mp4"
    (bench / "page.pth").write_text("<!DOCTYPE html><html><body>Sign in to download</body></html>")
    (bench / "code.pth").write_bytes(pickle.dumps(Payload()))
    torch.save({"weight": torch.zeros(3)}, bench / "foreign.pth")
    for option, name, fact in (
        ("--expert", "mine.safetensors", "holds a generator, not a sync expert"),
        ("--expert", "page.pth", "not a readable .safetensors file"),
        ("--expert", "code.pth", "not a readable .safetensors file"),
        ("--inception", "page.pth", "page"),
        ("--inception", "code.pth", "code.pth"),
        ("--inception", "foreign.pth", "another network"),
        ("--syncnet", "none.pth", "no such file"),
    ):
        result = run("score", clip, option, bench / name)
        assert result.exit_code == 3, (option, name, result.output)
        assert fact in result.stderr
        assert name in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert result.stdout == ""


def test_what_does_not_fit_is_said_in_one_line(bench: Path, clip_folder: Path) -> None:
    clip = clip_folder / "ann" / "a1.mp4"
    save(bench, "other", MelParameters(fmin=90.0))
    for code, words, fact in (
        (3, (bench / "mine.safetensors",), "mine.safetensors"),
        (3, (bench / "none.h5",), "no such file"),
        (3, (bench / "faces.h5", "--weights", bench / "mine.safetensors"), "lipsync-pack"),
        (3, (bench / "grid.h5", "--weights", bench / "other.safetensors"), "fmin is 55.0 here and 90.0 there"),
        (2, (clip, "--reference", clip, "--weights", bench / "mine.safetensors"), "--weights are for a pack"),
        (4, (bench / "grid.h5", "--weights", bench / "mine.safetensors", "--split", "val"), "'val'"),
    ):
        result = run("score", *words)
        assert result.exit_code == code, words
        assert fact in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert result.stdout == ""


def test_vocal_tracts_are_normalised_as_asked(bench: Path, tmp_path: Path) -> None:
    words = ("score", bench / "grid.h5", "--weights", bench / "mine.safetensors", "--metrics", "mouth_psnr")
    words += ("--max-frames", 10)
    found = {}
    for vtln in ("auto", "off", "1.1"):
        result = run(*words, "--vtln", vtln, "-o", tmp_path / f"{vtln}.jsonl", "-q")
        assert result.exit_code == 0, result.stderr
        lines = [json.loads(line) for line in (tmp_path / f"{vtln}.jsonl").read_text().splitlines()]
        found[vtln] = lines[0]["vtln"], [line for line in lines if line["kind"] == "frame"]
    assert found["auto"][0] == {"asked": None, "factors": {}}  # weights that know of no voices
    assert found["off"] == ({"asked": 1.0, "factors": {}}, found["auto"][1])
    assert found["1.1"][0]["asked"] == 1.1
    assert set(found["1.1"][0]["factors"].values()) == {1.1}
    result = run(*words, "--vtln", "1.1", "-o", tmp_path / "shown.jsonl", "--report", tmp_path / "shown.html", "-q")
    assert result.exit_code == 0, result.stderr
    for wrong in ("woman", "0.3", "nan"):
        result = run(*words, "--vtln", wrong)
        assert result.exit_code == 2
        assert "auto, off, or a number from 0.7 to 1.4" in result.stderr


def test_a_film_has_no_weights_whose_voices_could_be_known(clip_folder: Path) -> None:
    result = run("score", clip_folder / "ann" / "a1.mp4", "--vtln", "off")
    assert result.exit_code == 2
    assert "--vtln is for the weights that speak a pack" in result.stderr
