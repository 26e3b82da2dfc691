"""How long a training would take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsync_cli.config.build import make
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.train_estimate import STEPS, estimate

SMALL = {"recipe": "l1", "generator": "compact", "batch_size": 2}


def test_the_steps_after_the_first_ones_are_counted(good: Path, tmp_path: Path) -> None:
    moments = iter([100.0, 200.0, 300.0, 400.0, 400.0, *(400.0 + 2 * number for number in range(1, STEPS))])
    job = make(TrainJob, pack=[good / "grid.h5"], run=tmp_path / "run", max_samples=7200, device="cpu", **SMALL)
    told: list[tuple[int, int | None, str]] = []
    found = estimate(job, progress=lambda *call: told.append(call), clock=lambda: next(moments))
    assert (found.samples, found.steps, found.seconds_per_step, found.hours) == (7200, 3600, 2.0, 2.0)
    assert told[-1] == (STEPS, STEPS, "estimate")
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_shorter_than_the_measurement(lipsync, good: Path, tmp_path: Path) -> None:
    words = ["--recipe", "l1", "--generator", "compact", "--batch-size", "2", "--max-samples", "4", "--estimate"]
    result = lipsync("train", good / "grid.h5", tmp_path / "run", *words, "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["steps"] == 2
    assert found["hours"] == pytest.approx(0, abs=0.1)
    assert not list(tmp_path.iterdir())
