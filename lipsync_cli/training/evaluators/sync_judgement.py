"""Critics and experts as classifiers of sync: right or wrong on the same held-out pairs, as the class report did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.datasets.sync_windows import WindowTable
from lipsync_cli.errors import InputError
from lipsync_cli.formats.compatibility import check_fits
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.metrics.sync_embeddings import draw_pairs, evaluate_pairs
from lipsync_cli.runtime.json_values import check_object, check_type, read_json
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.engine.checkpoint import STATE, read_state
from lipsync_cli.training.evaluators.sync_expert_evaluator import ExpertEvaluator
from lipsync_cli.training.recipe_config import make_config

_BATCH = 50


def evaluate_expert(weights: Path | None, pack_path: Path, split: str = "test", device: str = "cpu") -> dict[str, Any]:
    """Measure a sync expert on 1000 pairs and on shifted clips of a split, see `ExpertEvaluator`.

    Parameters
    ----------
    weights : a run of recipe sync-expert, a file, or None for the expert that comes with the package
    """
    with Pack(pack_path) as pack:
        expert, header = load_weights(weights, device, "sync expert")
        check_fits(pack, header, weights or header.name)
        source = Source(pack, pack, split, make_config("sync-expert"), device)
        return ExpertEvaluator(source, source).measure(expert)


def evaluate_critic(
    run: Path, pack_path: Path, split: str = "test", count: int = 1000, device: str = "cpu"
) -> dict[str, float]:
    """Measure how often the critic of a `lipgan` run is right about pairs of a split.

    The class report found about 63 % on 1000 random pairs. A pair counts as in sync below half the margin, where the
    critic's loss is the same for both answers.

    Parameters
    ----------
    run : of recipe lipgan, with its training state

    Returns
    -------
    as `metrics.sync_embeddings.evaluate_pairs`

    Raises
    ------
    InputError : the folder holds no run with LipGAN's critic
    """
    import torch

    from lipsync_cli.models.generators.lipgan import WIDTH, LipGANCritic, distance

    run = Path(run)
    try:
        config = check_object(read_json(run / "config.json"), "it")
        margin = check_type(config["margin"], float, "margin")
        with Pack(pack_path) as pack:
            critic = LipGANCritic(pack.crop_rule.size, config.get("critic_width", WIDTH))
        critic.load_state_dict(read_state(run / STATE, device)["discriminators"]["critic"]["network"])
    except (InputError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InputError("holds no run with LipGAN's critic", run, "train one with --recipe lipgan") from error
    critic.to(device).eval()
    found = []
    with Pack(pack_path) as pack, torch.inference_mode():
        table = FrameTable(pack, split)
        pairs = draw_pairs(WindowTable(table), count)
        for first in range(0, count, _BATCH):
            face, speech = pairs.face[first : first + _BATCH], pairs.speech[first : first + _BATCH]
            batch = gather(pack, table, Draw(face[:1], face, speech), device)
            found.append(distance(*critic(batch.target, batch.mismatched_mel)).cpu().numpy())
    return evaluate_pairs(pairs, np.concatenate(found), margin / 2)
