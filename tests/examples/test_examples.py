"""The examples do what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[2]
LIPSYNC = f"{sys.executable} -m lipsync_cli"
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


def make_thesis(out: Path, *arguments: str) -> str:
    """Run the Makefile of examples/thesis at its smallest; return what it printed."""
    variables = [f"LIPSYNC={LIPSYNC}", f"PYTHON={sys.executable}", f"OUT={out}", "SMALL=1"]
    line = ["make", "-C", str(ROOT / "examples" / "thesis"), *variables, *arguments]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def make_temporal(out: Path, *arguments: str) -> str:
    """Run the Makefile of examples/temporal at its smallest; return what it printed."""
    variables = [f"LIPSYNC={LIPSYNC}", f"PYTHON={sys.executable}", f"OUT={out}", "SMALL=1"]
    line = ["make", "-C", str(ROOT / "examples" / "temporal"), *variables, *arguments]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_temporal_makefile_leaves_each_part_out_once_at_equal_samples(tmp_path: Path) -> None:
    planned = make_temporal(tmp_path / "out", "--dry-run", "ablation")
    trained = [line for line in planned.splitlines() if " train " in line]
    left_out = ["", "--sync-weight 0", "--sequence-weight 0", "--adversarial-weight 0"]
    left_out.append(" ".join(left_out[1:]))
    assert sorted(line.partition("--max-samples 48")[2].strip() for line in trained) == sorted(left_out)


@pytest.mark.slow
def test_temporal_makefile_from_clips_to_a_table_and_the_hours_of_the_full_width(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "opening" in make_temporal(out, "table")
    line = [sys.executable, str(ROOT / "examples" / "temporal" / "hours.py"), str(out / "heads.h5"), "--steps", "2"]
    told = subprocess.run([*line, "--batch-size", "10", "--length", "10"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert re.search(r"20 epochs of \d+ frames: \d+\.\d hours at .* frames/s on", told.stdout)


def is_lipsync(line: str) -> bool:
    """Tell whether a line of make, or the rest of one after @mkdir, is a command of lipsync."""
    return f"{LIPSYNC} " in line


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
    others |= {"temporal-gan", "text", "face-swap", "distillation"}  # examples/temporal, swap; lips from text; small
    recipes = set(RECIPES) - others
    assert set(trained) == recipes
    assert planned.count(" train ") == len(recipes) + 1 == planned.count("--max-minutes 3")  # lipgan-weighted too
    assert len(re.findall(r" score \S+ --weights", planned)) == len(recipes)  # all but the expert
    assert planned.index("--recipe sync-expert") < planned.index("--recipe lipgan-expert --expert")


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
        ("window-13", "mel_window", 13),
        ("window-41", "mel_window", 41),
        ("wgan-gp-again", "seed", 11),
        ("wgan-gp-calm", "beta1", 0.0),
    ],
)
def test_thesis_makefile_has_the_thesis_own_variants(
    name: str, option: str, value: object, tmp_path: Path, small_pack: Path
) -> None:
    planned = plan_thesis(tmp_path, f"RECIPES={name}").replace("\\\n", " ")
    (trained,) = re.findall(r"lipsync train (.*)", planned)
    trained = trained.replace(str(tmp_path / "grid.h5"), str(small_pack))
    dry = CliRunner().invoke(cli.app, ["train", *trained.split(), "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.stderr
    found = json.loads(dry.stdout)
    assert found["recipe"] == re.sub("-(literal|near|any|again|calm)$", "", re.sub("^window-.*", "lipgan", name))
    assert found[option] == value


def test_thesis_makefile_makes_the_tables_of_all_models_at_once(tmp_path: Path) -> None:
    planned = plan_thesis(tmp_path, "RECIPES=lipgan wgan-gp")
    for option in ("--table text", "--table csv", "--table latex", "--boxes"):
        (line,) = [line for line in planned.splitlines() if option in line]
        assert line.count("scores.jsonl") == 2


def test_thesis_makefile_has_well_formed_commands_for_everything(tmp_path: Path) -> None:
    variants = "lipgan-slow lipgan-weighted-slow lipgan-expert-slow lipgan-expert-light lipgan-expert-plain"
    stages = "lipgan-then-lipgan l1-then-l1 l1-then-expert"
    planned = make_thesis(tmp_path / "out", "--dry-run", "everything")
    planned += make_thesis(tmp_path / "out", "--dry-run", f"RECIPES={variants} {stages}")
    (tmp_path / "news.h5").touch()
    planned += make_thesis(tmp_path / "out", "--dry-run", "dataset", f"OTHER={tmp_path / 'news.h5'}")
    lines = planned.replace("\\\n", " ").splitlines()
    words = [re.split(" && | >", line.split(f"{LIPSYNC} ")[1])[0].split() for line in lines if is_lipsync(line)]
    group = get_command(cli.app)
    assert isinstance(group, TyperGroup)
    for name, *arguments in words:
        command = group.get_command(Context(group), name)
        assert command is not None
        command.make_context(name, list(arguments))  # raises on an option or a choice that does not exist
    assert {name for name, *_ in words} == {"detect-faces", "mels", "pack", "train", "score"}
    for run in ("clips-1", "size-128", "lipgan-near", "wgan-gp-calm", "l1wgan-gp-literal", "augment-zoom"):
        assert sum(name == "train" and arguments[1].endswith(f"/{run}") for name, *arguments in words) == 1, run


def test_thesis_makefile_full_says_the_hours_before_it_trains(small_pack: Path, tmp_path: Path) -> None:
    full = f"PACK={small_pack}", "FULL=1", "SMALL=", "RECIPES=lipgan wgan-gp"
    planned = make_thesis(tmp_path, "--dry-run", *full)
    lines = [line for line in planned.splitlines() if "hours.py" in line or is_lipsync(line)]
    assert "hours.py" in lines[0]
    trained = [line.split() for line in lines if " train " in line]
    assert [line[line.index("--generator") + 1] for line in trained] == ["lipgan", "lipgan"]
    for line in trained:
        assert not {"--max-minutes", "--max-samples", "--critic-width", "--batch-size"} & set(line)
    said = make_thesis(tmp_path, *full, "hours")
    assert "2 recipes, 20 epochs of 99 frames: 0.0 hours each" in said


@pytest.mark.slow
def test_thesis_makefile_runs_everything_and_then_nothing_more(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_thesis(out, "everything", "-j2")
    texts = "tables.txt tables.csv tables.tex data.txt size.txt gap.txt window.txt bands.txt reruns.txt literal.txt"
    for name in [*texts.split(), "dataset.txt"]:
        assert (out / name).read_text().strip()
    assert "lipgan-near" in (out / "gap.txt").read_text()
    assert "| augment-zoom |" in (out / "ablation.md").read_text()
    runs = sorted(path.parent for path in out.glob("runs/*/.trained"))
    some = {"sync-expert", "wgan-div", "l1wgan-gp-literal", "size-128", "clips-2", "here", "there", "augment-zoom"}
    assert some | {"window-13", "bands-40"} <= {run.name for run in runs}
    figures = [*(out / "figures").iterdir()]
    assert len(figures) == 7
    pictures = [*figures, out / "boxes.png", *(run / "curves.png" for run in runs)]
    for scores in out.glob("**/scores.jsonl"):
        assert (scores.parent / "table.txt").read_text().strip()
        pictures += [scores.parent / "boxes.png", scores.parent / "samples.png"]
    drawn = [run for run in runs if run.name != "sync-expert"]
    pictures += [run / name for run in drawn for name in ("montage.png", "strip.png")]
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG"), picture
    assert not any(is_lipsync(line) for line in make_thesis(out, "everything").splitlines())
