"""What a run says in its first seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from lipsync_cli.training.engine.opening import Opening, describe_start, describe_time
from lipsync_cli.training.engine.trainer import train
from lipsync_cli.training.logging.run_log import Statistics
from lipsync_cli.training.recipe_config import make_config


class FakePack:
    clips = np.array(
        [("s1", "train", 20), ("s2", "train", 30), ("s2", "test", 9)],
        [("speaker", "U4"), ("split", "U8"), ("num_frames", "i8")],
    )


def test_many_parameters_on_a_cpu_are_warned_of() -> None:
    config = make_config("lipgan", batch_size=80)
    small, large = nn.Linear(999, 1000), nn.Linear(6082, 6083, device="meta")
    assert describe_start(FakePack(), config, "cpu", small) == [
        "cpu: lipgan with 1.0 M parameters, recipe lipgan; 2 clips of 2 speakers, 50 frames; batches of 80"
    ]
    assert len(describe_start(FakePack(), config, "cuda", large)) == 1
    assert describe_start(FakePack(), config, "cpu", large)[1].startswith("warning: 37 M parameters on a CPU take days")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99, "99 s"), (100, "2 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min"), (864_000, "10.0 days")],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert describe_time(seconds) == text


def tell(tmp_path: Path, step_s: float, steps: int) -> list[str]:
    notes, now = list[str](), iter(step_s * number for number in range(100))
    opening = Opening(notes.append, lambda: next(now))
    statistics = Statistics(tmp_path / "log.jsonl", 0)
    statistics.add({"generator/l1": 0.25, "generator/l1/gradient_norm": 3.0, "training_batch/crop_psnr": 9.0})
    for number in range(steps):
        opening.step(statistics, 10, 1000 - 10 * number)
    return notes


def test_the_first_loss_and_the_time_that_is_left(tmp_path: Path) -> None:
    assert tell(tmp_path, 0.1, 30) == [
        "first step after 0.1 s: generator/l1 0.25",
        "about 9 s for 900 samples more, 100.0 samples/s",
    ]
    assert tell(tmp_path, 5.0, 30) == [
        "first step after 5.0 s: generator/l1 0.25",
        "about 8 min for 1000 samples more, 2.0 samples/s",
    ]
    assert len(tell(tmp_path, 0.1, 5)) == 1


def test_a_run_says_what_it_is_before_its_first_line_of_the_log(small_pack: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    options = {"generator": "compact", "batch_size": 2, "max_samples": 4, "validation_frames": 1}
    train(small_pack, tmp_path / "run", make_config("l1", **options), note=notes.append)
    assert notes[0].startswith("cpu: compact with ")
    assert "5 clips of 2 speakers" in notes[0]
    first = next(note for note in notes if note.startswith("first step after "))
    assert "generator/" in first
