"""Earlier scores as the thesis's tables and box plots, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lipsync_cli import cli
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.report.text_table import make_lines, make_records
from lipsync_cli.scoring.results.scores import Scores, Series


def command(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Scores of two models on two clips of two frames each."""
    (group,) = find_metric_groups(["crop_ssim"])
    metrics = [metric for metric in group.metrics if metric.name == "crop_ssim"]
    clip, frame = np.array([0, 0, 1, 1]), np.array([3, 4, 3, 4])
    paths = []
    for name, level in (("one", 0.9), ("other", 0.7)):
        rows = {row: {"crop_ssim": Series(np.full(4, level), clip, frame)} for row in ("model", "copy")}
        text = make_lines(make_records(Scores(metrics, rows, ["a", "b"], ["s1", "s1"])))
        (tmp_path / f"{name}.jsonl").write_text(text)
        paths.append(tmp_path / f"{name}.jsonl")
    return paths


def test_tables_are_printed_and_the_boxes_written(two: list[Path], tmp_path: Path) -> None:
    result = command("score", *two, "--table", "csv", "--boxes", tmp_path / "boxes.png", "-q")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "table,metric,row,mean,low,high,median,max,min,frames,clips"
    assert [line.split(",")[2] for line in lines[1:]] == ["copy", "one", "other"]
    assert lines[2].split(",")[3] == "0.9000"
    assert (tmp_path / "boxes.png").read_bytes().startswith(b"\x89PNG")
    assert command("score", two[0], "--table", "latex").stdout.startswith("\\begin{table}")


def test_boxes_alone_print_their_name(two: list[Path], tmp_path: Path) -> None:
    words = ("score", *two, "--boxes", tmp_path / "boxes.png")
    assert command(*words).stdout.strip() == str(tmp_path / "boxes.png")
    again = command(*words)
    assert again.exit_code == 3
    assert "exists" in again.stderr
    assert json.loads(command(*words, "-f", "--json").stdout) == {"boxes": str(tmp_path / "boxes.png")}


def test_models_are_called_as_the_user_says(two: list[Path], tmp_path: Path) -> None:
    result = command("score", "--compare", *two, "--name", "LipGAN", "--name", "L1WGAN-GP")
    assert result.stdout.startswith("L1WGAN-GP against LipGAN")
    lines = command("score", *two, "--table", "csv", "--name", "A", "--name", "B").stdout.splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["copy", "A", "B"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--table", "csv", "--json"], "--json and --table both print the figures"),
        (["--table", "csv", "--compare"], "--compare and --table both print tables"),
        (["--boxes", "boxes.jpg"], "is no name of a PNG file"),
        (["--table", "html"], "'html' does not exist"),
        ([], "these are scores already"),
        (["--compare", "--name", "A"], "--name is given 1 times for 2 files of scores; give one for each"),
        (["--compare", "--name", "A", "--name", "A"], "--name needs another name for each file"),
    ],
)
def test_what_makes_no_sense_is_one_line(options: list[str], says: str, two: list[Path]) -> None:
    result = command("score", *two, *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
