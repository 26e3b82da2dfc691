"""The thesis's tables and box plots of several models."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.report.model_boxes import collect_boxes, plot_models
from lipsync_cli.scoring.report.text_table import make_records
from lipsync_cli.scoring.report.thesis_tables import make_tables
from lipsync_cli.scoring.results.records import Results, make_results
from lipsync_cli.scoring.results.scores import Scores, Series, Statistics

GAIN = (("model", "wrong_audio"),)


def make(label: str, ssim: list[float], fid: float | None = None, metrics: str = "crop_ssim") -> Results:
    """A model on two clips of two frames each; its mismatched audio is worse by 0.1, a copy has 0.5 throughout."""
    names = [metrics, *(["crop_fid"] if fid else [])]
    clip, frame = np.array([0, 0, 1, 1]), np.array([3, 4, 3, 4])
    figures = {"model": np.array(ssim), "wrong_audio": np.array(ssim) - 0.1, "copy": np.full(4, 0.5)}
    rows = {row: {metrics: Series(values, clip, frame)} for row, values in figures.items()}
    known = [metric for group in find_metric_groups(names) for metric in group.metrics if metric.name in names]
    sets = {"model": {"crop_fid": {"all": Statistics(4, 2, fid)}}} if fid else {}
    return make_results(make_records(Scores(known, rows, ["a", "b"], ["s1", "s1"], sets, differences=GAIN)), label)


@pytest.fixture
def models() -> list[Results]:
    return [make("lip_gan", [0.9, 0.8, 0.7, 0.6], fid=15.11), make("wgan-gp", [0.2, 0.3, 0.2, 0.3])]


def test_csv_has_a_line_for_each_row_with_the_statistics_of_the_thesis(models: list[Results]) -> None:
    lines = list(csv.DictReader(io.StringIO(make_tables(models, "csv"))))
    assert [(line["table"], line["metric"], line["row"]) for line in lines] == [
        ("7.1", "crop_ssim", "copy"),
        ("7.1", "crop_ssim", "lip_gan"),
        ("7.1", "crop_ssim", "lip_gan, mismatched audio"),
        ("7.1", "crop_ssim", "lip_gan - mismatched audio"),
        ("7.1", "crop_ssim", "wgan-gp"),
        ("7.1", "crop_ssim", "wgan-gp, mismatched audio"),
        ("7.1", "crop_ssim", "wgan-gp - mismatched audio"),
        ("7.3", "crop_fid", "lip_gan"),
    ]
    assert {name: float(lines[1][name]) for name in ("mean", "median", "max", "min", "frames", "clips")} == {
        "mean": 0.75, "median": 0.75, "max": 0.9, "min": 0.6, "frames": 4, "clips": 2,
    }  # fmt: skip
    assert float(lines[1]["low"]) == pytest.approx(0.65)
    assert (lines[3]["mean"], lines[3]["low"], lines[3]["high"]) == ("0.1000", "0.1000", "0.1000")
    assert (lines[7]["mean"], lines[7]["low"], lines[7]["median"]) == ("15.11", "", "")


def test_latex_is_a_table_each_with_escaped_names(models: list[Results]) -> None:
    text = make_tables(models, "latex")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"    lip\_gan & 0.7500 & 0.6500 & 0.8500 & 0.7500 & 0.9000 & 0.6000 \\" in text.splitlines()
    assert r"95 \% from" in text
    for line in text.splitlines():
        if line.endswith(r"\\"):
            assert line.count(" & ") == 6 or line.lstrip().startswith("&")


def test_text_has_the_tables_under_their_numbers(models: list[Results]) -> None:
    lines = make_tables(models, "text").splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("Table")] == ["Table 7.1", "Table 7.3"]
    (line,) = [line for line in lines if line.startswith("wgan-gp  ")]
    assert line.split()[1:] == ["0.2500", "0.2500", "0.2500", "0.2500", "0.3000", "0.2000"]


def test_scores_without_these_metrics_are_said() -> None:
    other = make("x", [1.0, 2.0, 3.0, 4.0], metrics="crop_cpbd")
    with pytest.raises(NothingToDoError, match="no SSIM, PSNR or Frechet distance"):
        make_tables([other], "csv")


def test_boxes_are_over_all_frames_with_the_copy_first(models: list[Results]) -> None:
    boxes = collect_boxes(models, "crop_ssim")
    assert [(name, row) for name, row, _ in boxes] == [
        ("copy", "copy"),
        ("lip_gan", "model"),
        ("lip_gan", "wrong_audio"),
        ("wgan-gp", "model"),
        ("wgan-gp", "wrong_audio"),
    ]
    assert boxes[1][2].tolist() == [0.9, 0.8, 0.7, 0.6]
    assert collect_boxes(models, "crop_psnr") == []
    assert collect_boxes(models, "crop_fid") == []


def test_the_picture_has_the_upper_face_where_it_was_measured(models: list[Results], tmp_path: Path) -> None:
    plot_models(models, tmp_path / "without.png")
    upper = make("lip_gan", [1.0, 2.0, 3.0, 4.0], metrics="upper_face_change")
    plot_models([*models, upper], tmp_path / "with.png")
    without, both = (imread(tmp_path / name) for name in ("without.png", "with.png"))
    assert both.shape[1] > 1.5 * without.shape[1]  # a second panel


def test_the_picture_is_drawn_and_differs_with_the_figures(models: list[Results], tmp_path: Path) -> None:
    plot_models(models, tmp_path / "two.png")
    plot_models([models[0], make("wgan-gp", [0.4, 0.5, 0.4, 0.5])], tmp_path / "other.png")
    one, other = (imread(tmp_path / name) for name in ("two.png", "other.png"))
    assert one.shape == other.shape
    assert (one != other).any()
    with pytest.raises(NothingToDoError, match="no SSIM or PSNR of frames"):
        plot_models([make("x", [1.0] * 4, metrics="crop_cpbd")], tmp_path / "none.png")
