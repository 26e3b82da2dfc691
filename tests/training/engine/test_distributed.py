"""Two processes are one: the same losses and the same weights from the same global batches."""

import json
import socket

import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.datasets.batch import Batch, Mixed
from lipsync_cli.errors import ToolError, UsageError
from lipsync_cli.training.engine.distributed import World, join, leave
from lipsync_cli.training.recipe_config import make_config

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 4}


MIXED = {"batch_size": 14, "targets_per_reference": 5, "sync_runs": 2}


def _config(recipe, learning_rate):
    base = {"max_samples": 32, "validate_every": 16, "checkpoint_every": 16, "sheet_every": 32, "validation_frames": 2}
    more = MIXED if recipe == "lipgan-expert" else {"targets_per_reference": 2}
    return make_config(recipe, **{**TINY, **base, **more}, augment=True, learning_rate=learning_rate)


def _spawn(work, arguments):
    """Run `work(rank, *arguments)` in two processes, forked from one that has imported what takes them longest."""
    torch.multiprocessing.get_context("forkserver").set_forkserver_preload(["torch._dynamo"])
    torch.multiprocessing.start_processes(work, arguments, nprocs=2, start_method="forkserver")


def _train_a_part(rank, pack, run, config, port):
    import os

    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    try:
        train(pack, run, config, world=join(rank, 2, "cpu"))
    finally:
        leave()


@pytest.mark.parametrize(
    ("recipe", "learning_rate"),
    [
        ("l1", 1e-4),
        # Adam makes whole steps of gradients that are rounding noise, and two networks that chase each other amplify
        # them: so small a rate keeps the noise below what is checked, but not a critic whose gradients were not shared
        pytest.param("lipgan", 1e-6, marks=pytest.mark.slow),
        pytest.param("lipgan-expert", 1e-6, marks=pytest.mark.slow),
    ],
)
def test_two_processes_train_as_one(recipe, learning_rate, small_pack, tmp_path):
    config = _config(recipe, learning_rate)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _spawn(_train_a_part, (small_pack, tmp_path / "two", config, port))
    train(small_pack, tmp_path / "one", config)
    weights = [load_file(tmp_path / run / "last.safetensors") for run in ("one", "two")]
    assert max(float((weights[0][key] - weights[1][key]).abs().max()) for key in weights[0]) < 1e-5
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("one", "two")]
    for one, two in zip(*logs, strict=True):
        one, two = json.loads(one), json.loads(two)
        if one["kind"] == "train":
            assert two == pytest.approx(one, abs=1e-5)
    assert len(logs[0]) > 2


def test_parts_make_up_the_whole_batch_and_samples_stay_with_their_references():
    samples = torch.arange(12.0)
    batch = Batch(torch.arange(6.0), samples, samples[:, None] + 0.5, samples, samples, samples)
    parts = [World(rank, 3).part(batch) for rank in range(3)]
    assert all((part.target // 2 == part.reference.repeat_interleave(2)).all() for part in parts)
    assert all((part.mel[:, 0] == part.target + 0.5).all() for part in parts)
    assert sorted(torch.cat([part.target for part in parts]).tolist()) == samples.tolist()


def test_parts_of_a_mixed_batch_are_parts_of_its_runs_and_of_its_single_frames():
    runs = Batch(torch.arange(2.0), *(torch.arange(10.0) for _ in range(5)))
    singles = Batch(*(torch.arange(4.0) + 20 for _ in range(6)))
    first, second = (World(rank, 2).part(Mixed(runs, singles)) for rank in range(2))
    assert first.runs.target.tolist() == [0, 1, 2, 3, 4]
    assert second.runs.reference.tolist() == [1]
    assert first.singles.mel.tolist() == [20, 22]
    assert second.singles.reference.tolist() == [21, 23]


def test_references_that_cannot_be_split_are_a_usage_error():
    World(0, 2).check(8, 2)
    World(0, 2).check(14, 5, 2)
    with pytest.raises(UsageError, match="multiple of 6"):
        World(0, 3).check(8, 2)
    with pytest.raises(UsageError, match="--sync-runs that is a multiple of 2"):
        World(0, 2).check(14, 5, 1)
    with pytest.raises(UsageError, match="10 more than a multiple of 2"):
        World(0, 2).check(13, 5, 2)


def _lose_a_process(rank, port, told):
    import os

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    world = join(rank, 2, "cpu")
    world.wait()
    if rank:
        os._exit(0)
    try:
        world.average([torch.ones(2)])
    except ToolError as error:
        told.write_text(str(error))
    finally:
        leave()


def test_a_process_that_is_lost_is_said(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _spawn(_lose_a_process, (port, tmp_path / "told"))
    assert "another process of this run is gone" in (tmp_path / "told").read_text()
