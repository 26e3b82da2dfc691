"""The table of docs/reference/metrics.md: known damage moves the metrics as it must, and no metric is forgotten."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fixtures.fakes import MemoryPack

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.metrics.image.frechet import frechet_distance
from lipsync_cli.metrics.metric import LOWER, SET, Metric, MetricGroup
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_metrics.py"
DRAWN = {"blur", "noise", "wrong person", "frozen mouth", "mumbling"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_metrics", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["make_metrics"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WholePack(MemoryPack):
    crop_rule = CropRule()


@pytest.fixture(scope="module")
def families() -> list[MetricGroup]:
    metric = Metric("colour", "colour", "distribution", SET, LOWER, "distance of the mean colours", "this test")
    colours = MetricGroup(
        (metric,),
        measure=lambda evidence: {"colour": evidence.crops.mean((1, 2))},
        combine=lambda drawn, real: frechet_distance(np.concatenate(drawn), np.concatenate(real)),
    )
    loudness = Metric("loudness", "loudness", "sync", "clip", LOWER, "mean log-mel", "this test")
    hearing = MetricGroup(
        (loudness,), measure=lambda evidence: {"loudness": float(evidence.mel[:40].mean())}, hears=True
    )
    return [*find_metric_groups(["reconstruction", "sharpness", "crop_fid"]), colours, hearing]


@pytest.fixture(scope="module")
def table(script: ModuleType, families: list[MetricGroup]) -> dict:
    clips = script.open_clips(WholePack(), 2, MetricNetworks())
    assert script.describe(clips) == "2 held-out clips of 2 speakers, 79 frames"
    return script.tabulate(script.ask(clips, families), families)


def test_perfect_pictures_have_the_perfect_value(table: dict) -> None:
    perfect = {name: cells["perfect"] for name, cells in table.items() if isinstance(cells, dict)}
    assert all(cell.change == 0 and not cell.is_worse for cell in perfect.values())
    assert perfect["mouth_psnr"].mean == 100
    assert perfect["crop_ssim"].mean == 1
    assert perfect["colour"].mean == pytest.approx(0, abs=1e-6)


def test_each_damage_is_seen_by_what_must_see_it_and_by_nothing_else(table: dict) -> None:
    for name in ("mouth_psnr", "mouth_ssim", "crop_psnr", "crop_ssim", "frame_psnr", "frame_ssim"):
        assert {row for row, cell in table[name].items() if cell.is_worse} == DRAWN, name
    assert {row for row, cell in table["colour"].items() if cell.is_worse} >= {"frozen mouth", "mumbling"}
    ratio = table["mouth_over_face"]
    assert ratio["blur"].change == -1
    assert ratio["noise"].change == 1
    assert ratio["blur"].is_worse
    assert ratio["noise"].is_worse
    for cells in (table["mouth_psnr"], ratio, table["colour"]):
        assert all(cells[row] == cells["perfect"] for row in ("shift", "wrong sound"))
    assert {row for row, cell in table["loudness"].items() if cell.mean != table["loudness"]["perfect"].mean} == {
        "shift",
        "wrong sound",
    }


def test_a_metric_without_any_figure_says_why(table: dict, script: ModuleType) -> None:
    assert table["crop_fid"] == "no Inception-v3 weights: give --inception FILE"
    text = script.render(table, "3 clips")
    assert "* crop_fid: no Inception-v3 weights" in text
    assert "| mouth_psnr | higher | 100.00 | **" in text
    kept = json.loads(json.dumps({"metrics": table}))
    assert script.read(kept) == table


def test_the_page_has_every_metric_and_is_what_the_figures_say(script: ModuleType) -> None:
    page, kept = script.PAGE.read_text("utf-8"), json.loads(script.FIGURES.read_text("utf-8"))
    assert script.put(script.render(script.read(kept), kept["about"]), page) == page, "run docs/make_metrics.py"
    for family in find_metric_groups(["all"]):
        for metric in family.metrics:
            assert metric.name in page, f"docs/reference/metrics.md does not define {metric.name}"
