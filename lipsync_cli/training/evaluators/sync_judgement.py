"""Critics and experts as classifiers of sync: right or wrong on the same held-out pairs, as the class report did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.datasets.sync_windows import WindowTable
from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.formats.compatibility import check_fits
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import LAST, load_weights, read_header
from lipsync_cli.metrics.sync_embeddings import Pairs, draw_pairs, evaluate_pairs
from lipsync_cli.runtime.json_values import check_object, check_type, read_json
from lipsync_cli.speech.mel import WINDOW
from lipsync_cli.training.config import OLD_RECIPES, TrainConfig
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.engine.checkpoint import STATE, read_state
from lipsync_cli.training.engine.run_folder import CONFIG
from lipsync_cli.training.evaluators.sync_expert_evaluator import ExpertEvaluator
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import find_recipe, make_recipe
from lipsync_cli.training.recipes.context import RecipeContext

_BATCH = 50
_DECIDING = "margin", "critic_width", "losses", "mel_window"  # options on which a critic depends
_NO_CRITIC = "holds no run with a discriminator of face and speech that fits this pack"
_TRAIN_ONE = "name the folder of a run of lipgan, lsgan or one of the WGANs"


class PairVerdicts(NamedTuple):
    """What a critic says of pairs of face and speech.

    Attributes
    ----------
    pairs : which they are, n of them
    distance : shape (n,), less is nearer
    limit : pairs nearer than this count as in sync
    is_trained_limit : the loss has this limit; else it is the median of the pairs, a half of which are right
    clip : shape (n,), row of the face's clip in the pack
    recipe : that trained the critic
    samples : that it has seen
    """

    pairs: Pairs
    distance: np.ndarray
    limit: float
    is_trained_limit: bool
    clip: np.ndarray
    recipe: str
    samples: int


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
    """Measure how often the critic of a run is right about pairs of a split, see `classify_pairs`.

    Returns
    -------
    as `metrics.sync_embeddings.evaluate_pairs`
    """
    found = classify_pairs(run, pack_path, split, count, device)
    return evaluate_pairs(found.pairs, found.distance, found.limit)


def classify_pairs(
    run: Path,
    pack_path: Path,
    split: str = "test",
    count: int = 1000,
    device: str = "cpu",
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> PairVerdicts:
    """Measure pairs of face and speech with the critic of a run.

    The class report found LipGAN's right about 63 % of 1000 random pairs.

    Parameters
    ----------
    run : of a recipe whose critic compares face and speech, with its training state
    seed : of the pairs

    Raises
    ------
    InputError : the folder holds no such run, its state cannot be read, or it was trained on crops or mels of another
        kind
    """
    import torch

    run = Path(run)
    saved = _read_config(run)
    with Pack(pack_path) as pack, torch.inference_mode():
        if (run / LAST).exists():
            check_fits(pack, read_header(run / LAST), run)
        state = read_state(run / STATE, device)
        recipe = _load_critic(run, saved, state, pack)
        recipe.critic.to(device).eval()
        table = FrameTable(pack, split, window=saved.get("mel_window", WINDOW))
        pairs = draw_pairs(WindowTable(table), count, seed)
        parts = []
        for first in range(0, count, _BATCH):
            face, speech = pairs.face[first : first + _BATCH], pairs.speech[first : first + _BATCH]
            batch = gather(pack, table, Draw(face[:1], face, speech), device)
            parts.append(recipe.pair_distance(batch.target, batch.mismatched_mel).float().cpu().numpy())
            if progress is not None:
                progress(min(first + _BATCH, count), count, "pairs")
        clip = table.clip_of[pairs.face]
    distance = np.concatenate(parts)
    limit = float(np.median(distance)) if recipe.pair_limit is None else recipe.pair_limit
    samples = int(state["counters"].get("samples_seen", 0))
    return PairVerdicts(pairs, distance, limit, recipe.pair_limit is not None, clip, recipe.name, samples)


def _read_config(run: Path) -> dict[str, Any]:
    """Read the options of a run that its critic depends on."""
    try:
        saved = check_object(read_json(run / CONFIG), "it")
        name = check_type(saved.get("recipe", TrainConfig.recipe), str, "recipe")
        recipe = find_recipe(OLD_RECIPES.get(name, name))
        options: dict[str, Any] = {key: saved[key] for key in _DECIDING if key in saved}
    except (LipsyncError, OSError, ValueError, TypeError) as error:
        raise InputError(_NO_CRITIC, run, _TRAIN_ONE) from error
    if not recipe.compares_pairs:
        raise InputError(f"is a run of {recipe.name}, which has no discriminator of face and speech", run, _TRAIN_ONE)
    return {"recipe": recipe.name, **options}


def _load_critic(run: Path, saved: dict[str, Any], state: dict[str, Any], pack: Pack) -> Any:
    """Build the run's recipe, with the weights that its critic has learned."""
    try:
        config, rule = make_config(**saved), pack.crop_rule
        shape = pack.mel_parameters.n_mels, config.mel_window
        recipe = make_recipe(RecipeContext(config, rule.mouth_region(), rule.size, mel_shape=shape))
        recipe.critic.load_state_dict(state["discriminators"]["critic"]["network"])
    except (LipsyncError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InputError(_NO_CRITIC, run, _TRAIN_ONE) from error
    return recipe
