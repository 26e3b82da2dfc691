"""The examples do what they say."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[2]
SMALL = "--generator compact --recipe l1 --batch-size 2 --max-samples 4"


def make(clips: Path, out: Path, *arguments: str) -> str:
    """Run the Makefile of examples/grid; return what it printed."""
    variables = [f"LIPSYNC={sys.executable} -m lipsync_cli", f"GRID={clips}", f"OUT={out}", "SPEAKERS=ann bob"]
    variables += [f"TRAIN={SMALL}", "SPLIT=--test-per-speaker 1"]
    line = ["make", "-C", str(ROOT / "examples" / "grid"), *variables, *arguments]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_grid_makefile_names_each_verb_once(clip_folder: Path, tmp_path: Path) -> None:
    planned = make(clip_folder, tmp_path / "out", "--dry-run")
    for verb in ("detect-faces", "mels", "pack", "train", "score"):
        assert planned.count(f"lipsync_cli {verb} ") == 1


@pytest.mark.slow
def test_grid_makefile_from_clips_to_scores_and_then_nothing_more(clip_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(clip_folder, out, "-j2")
    assert (out / "runs" / "lipgan" / "scores" / "table.txt").read_text()
    assert "lipsync_cli" not in make(clip_folder, out)
    (clip_folder / "ann" / "a1.mp4").touch()
    assert make(clip_folder, out, "--dry-run").count("lipsync_cli") == 5


def plan_thesis(folder: Path, *arguments: str) -> str:
    """Say what the Makefile of examples/thesis would run."""
    (folder / "grid.h5").touch()
    line = ["make", "-C", str(ROOT / "examples" / "thesis"), "--dry-run", f"PACK={folder / 'grid.h5'}", f"OUT={folder}"]
    result = subprocess.run([*line, "MINUTES=3", *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_thesis_makefile_trains_and_scores_each_recipe_once_and_the_expert_first(tmp_path: Path) -> None:
    planned = plan_thesis(tmp_path)
    trained = re.findall(r"--recipe (\S+)", planned)
    others = {"lip-reader", "listen", "speech-embedding", "occlusion", "own-frame"}  # not generators from fresh weights
    recipes = set(RECIPES) - others
    assert set(trained) == recipes
    assert planned.count(" train ") == len(recipes) + 1 == planned.count("--max-minutes 3")  # lipgan-weighted too
    assert planned.count(" score ") == len(recipes)  # all but the expert
    assert planned.index("--recipe sync-expert") < planned.index("--recipe lipgan-expert --expert")
    assert planned.count("compare.py") == 1


@pytest.mark.parametrize("recipe", ["lipgan", "lipgan-expert"])
def test_thesis_makefile_slow_variants_are_the_recipe_at_a_tenth_of_its_learning_rate(
    recipe: str, tmp_path: Path
) -> None:
    planned = plan_thesis(tmp_path, f"RECIPES={recipe}-slow").replace("\\\n", " ")
    (trained,) = re.findall(r"lipsync train (.*)", planned)  # no expert is trained for it: the package has one
    options = trained.split()
    assert options[options.index("--recipe") + 1] == recipe
    given = float(options[options.index("--learning-rate") + 1])
    assert given == pytest.approx(make_config(recipe).learning_rate / 10)
    assert f"{recipe}-slow/scores" in planned


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("lipgan-literal", "losses", "literal"),
        ("wgan-gp-literal", "losses", "literal"),
        ("l1wgan-gp-literal", "losses", "literal"),
        ("lipgan-near", "reference_gap", "1..6"),
        ("lipgan-any", "reference_gap", "1..75"),
        ("wgan-gp-again", "seed", 11),
        ("wgan-gp-calm", "beta1", 0.0),
    ],
)
def test_thesis_makefile_has_the_thesis_own_variants(name: str, option: str, value: object, tmp_path: Path) -> None:
    planned = plan_thesis(tmp_path, f"RECIPES={name}").replace("\\\n", " ")
    (trained,) = re.findall(r"lipsync train (.*)", planned)
    dry = CliRunner().invoke(cli.app, ["train", *trained.split(), "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.stderr
    found = json.loads(dry.stdout)
    assert found["recipe"] == re.sub("-(literal|near|any|again|calm)$", "", name)
    assert found[option] == value


def test_thesis_makefile_makes_the_tables_of_all_models_at_once(tmp_path: Path) -> None:
    planned = plan_thesis(tmp_path, "tables", "RECIPES=lipgan wgan-gp")
    for option in ("--table csv", "--table latex", "--boxes"):
        (line,) = [line for line in planned.splitlines() if option in line]
        assert line.count("scores.jsonl") == 2


def test_thesis_tables_have_the_control_rows_and_the_intervals() -> None:
    path = ROOT / "examples" / "thesis" / "compare.py"
    spec = importlib.util.spec_from_file_location("compare", path)
    assert spec is not None
    assert spec.loader is not None
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)

    def summary(row: str, metric: str, mean: float | None, **more: float) -> dict[str, object]:
        spread = {"median": mean, "max": mean, "min": mean, "low": None, "high": None}
        return {"kind": "summary", "group": "all", "row": row, "metric": metric, "mean": mean} | spread | more

    def records(mean: float, distance: float | None) -> list[dict[str, object]]:
        found: list[dict[str, object]] = [{"kind": "protocol", "frames": 6, "clips": 2}]
        for row in ("model", "wrong_audio", "copy", "model - wrong_audio", "ground_truth"):
            more = {"low": mean - 1, "high": mean + 1} if row != "ground_truth" else {}
            found += [summary(row, metric, mean, **more) for metric in compare.METRICS]
            found += [summary(row, "crop_frechet_dlib", distance)]
        return found

    tables = compare.make_tables({"mine": records(30, None), "theirs": records(20, 0.25)})
    lines = tables.splitlines()
    for name in ("7.1, SSIM", "7.2, PSNR", "7.3, Frechet"):
        assert sum(name in line for line in lines) == 1
    model = "30.00 (29.00 to 31.00)"
    gap = "+30.00 (+29.00 to +31.00)"
    spread = f"{model} / 30.00 / 30.00 / 30.00"
    assert f"| mine | {spread} | {spread} | {model} | {gap} |" in lines
    assert sum(line.startswith("| copy the reference |") for line in lines) == 3
    assert lines[-3:] == [
        "| copy the reference | 0.2500 |  |",
        "| theirs | 0.2500 | 0.2500 |",
        "| ground truth | 0.2500 |  |",
    ]
