"""Fine-tuning to one person in a minute: the network goes on learning from one video's own speech."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import gather
from lipsync_cli.errors import LipsyncError, NothingToDoError
from lipsync_cli.metrics.baselines import MISMATCHED, MODEL, TRUTH, generate_rows
from lipsync_cli.metrics.image.reconstruction import psnr
from lipsync_cli.models import hears
from lipsync_cli.models.mel_shape import mel_shape_of
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.engine.checkpoint import TrainState
from lipsync_cli.training.engine.finite import are_finite, find_tensors
from lipsync_cli.training.evaluators.validation import movement
from lipsync_cli.training.optimizers import make_adam
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.recipes.context import RecipeContext

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.datasets.personal_clip import Pairs, PersonalClip
    from lipsync_cli.training.config import TrainConfig

RECIPE = "l1"
OPTIONS: dict[str, Any] = {
    "batch_size": 16,
    "targets_per_reference": 4,
    "learning_rate": 1e-3,
    "beta1": 0.9,
    "beta2": 0.99,
    "clip_norm": 1.0,
    "ema_samples": 120,
    "augment": True,
    "transforms": "voice,-mask",
}
LEARNING = "fuse", "flow_head"  # parts of the compact generator: where pixels go, not what is painted or heard
SHARE = 0.5  # of the references in training: the one that infer takes, the others any, lest it learns this one by heart
WARM_UP = 0.15  # of the time
NUM_LOOKS = 10  # at the held-out frames
PATIENCE = 4  # looks without a better one
KEPT_DETAIL = 0.9  # of the generated mouths' detail: a blur raises the PSNR, too

STRETCH_S = 2.0
STILL_LEVELS = 1.0  # of 255: coding alone makes as much

Progress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True)
class Adapted:
    """What came of it.

    Attributes
    ----------
    generator : the best on the held-out frames that neither blurs nor listens less; as it was if none was better
    samples : that it has learnt from
    before, after : figures of the held-out frames: "mouth_psnr" (dB), "over_wrong_audio_db", and "mouth_detail", the
        mean difference of neighbouring pixels
    """

    generator: nn.Module
    samples: int
    before: dict[str, float]
    after: dict[str, float]

    @property
    def gain_db(self) -> float:
        """By how much the mouth's PSNR on the held-out frames rose."""
        return self.after["mouth_psnr"] - self.before["mouth_psnr"]


def adapt(
    generator: nn.Module,
    architecture: str,
    recording: PersonalClip,
    seconds: float,
    device: str = "cpu",
    *,
    seed: int = 10,
    progress: Progress | None = None,
    max_samples: int | None = None,
    measure: Callable[[nn.Module], dict[str, float]] | None = None,
    **options: Any,
) -> Adapted:
    """Go on training a generator with one video's own faces and sound.

    It learns what it is to do: to move the pixels of the recording's reference, where there is one. Only the layers
    that say where pixels go learn. The learning rate falls along a cosine; the average of the weights is looked at ten
    times on frames the network does not learn from, and the best of those that neither blur the mouth nor hear less is
    returned. When four looks in a row find nothing better, it ends early.

    Parameters
    ----------
    generator : on `device`; stays as it is
    architecture : its name
    seconds : after which it ends
    max_samples : after which it ends, if sooner; with it, equal seeds give equal weights on a CPU
    progress : told of the seconds that have passed
    measure : gives the figures of a network, see `Adapted`; None: those of the recording's held-out frames
    options : of `TrainConfig`, in place of OPTIONS

    Raises
    ------
    NothingToDoError : the mouth moves no more than the rest of the face: it is not this person who speaks
    LipsyncError : the loss is no longer a number
    """
    if not mouth_moves(recording):
        raise NothingToDoError("the mouth moves no more than the rest of the face", recording.path)
    bands, window = mel_shape_of(generator)
    heard = {"speech": hears(generator), "mel_window": window}
    config = make_config(RECIPE, generator=architecture, seed=seed, **heard, **{**OPTIONS, **options})
    source = Source(recording, recording.crops, "train", config, device)
    recipe = make_recipe(RecipeContext(config, source.mouth_region, source.size, mel_shape=(bands, window)))
    measure = measure or _Evaluator(recording, source).measure
    network = copy.deepcopy(generator)
    learning = _choose_parameters(network)
    optimizer = make_adam(learning, config.learning_rate, (config.beta1, config.beta2), config.weight_decay)
    state = TrainState(network, optimizer, ema=config.ema_samples > 0)
    before = best = measure(generator)
    kept, kept_samples, waited, looks = None, 0, 0, 0
    began = time.monotonic()
    while (done := _done(began, seconds, state.samples_seen, max_samples)) < 1 and waited < PATIENCE:
        _step(source, recipe, state, config, done, recording)
        if progress is not None:
            progress(math.floor(time.monotonic() - began), math.ceil(seconds), "adapting")
        done = _done(began, seconds, state.samples_seen, max_samples)
        if done < (looks + 1) / NUM_LOOKS:
            continue
        looks, waited = int(done * NUM_LOOKS), waited + 1
        figures = measure(state.shown.eval())
        if _is_sound(figures, before) and figures["mouth_psnr"] > best["mouth_psnr"]:
            best, waited = figures, 0
            kept, kept_samples = copy.deepcopy(state.shown.state_dict()), state.samples_seen
    if kept is None:
        return Adapted(generator, 0, before, before)
    network.load_state_dict(kept)
    return Adapted(network.eval().requires_grad_(False), kept_samples, before, best)


def mouth_moves(recording: PersonalClip) -> bool:
    """Tell whether the mouth moves more than the band of the face above it, within stretches of two seconds."""
    row0, row1, column0, column1 = recording.crop_rule.mouth_region()
    clip = (recording.frame_middle // STRETCH_S).astype(int)
    mouth = movement(recording.crops, (row0, row1, column0, column1), clip)
    above = movement(recording.crops, (2 * row0 - row1, row0, column0, column1), clip)
    return mouth > max(STILL_LEVELS, above)


def _choose_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that learn, and let only these; those of a generator without such layers all do."""
    named = list(network.named_parameters())
    chosen = [parameter for name, parameter in named if name.startswith(LEARNING)]
    network.requires_grad_(not chosen)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen or [parameter for _, parameter in named]


def _is_sound(figures: dict[str, float], before: dict[str, float]) -> bool:
    """Tell whether mouths are as detailed as before, and follow the sound no less."""
    is_sharp = figures["mouth_detail"] >= KEPT_DETAIL * before["mouth_detail"]
    return is_sharp and figures["over_wrong_audio_db"] >= before["over_wrong_audio_db"]


class _Evaluator:
    """The held-out frames, generated with the right sound and with another."""

    def __init__(self, recording: PersonalClip, source: Source) -> None:
        draw = recording.draw_held_out(source.table)
        if recording.pairs is None:
            self._batch = use_reference(
                gather(source.crops, source.table, draw, source.device), recording.reference, 1.0
            )
        else:
            held_out = np.flatnonzero(recording.pairs.reference >= recording.clips[2]["first_frame"])
            self._batch = _gather_pairs(
                source, recording.pairs, held_out, np.zeros_like(held_out)[:, None], draw.mismatched
            )
        self._region = source.mouth_region

    def measure(self, generator: nn.Module) -> dict[str, float]:
        rows = generate_rows(generator, self._batch)
        mouths = {row: float(psnr(rows[row], rows[TRUTH], self._region).mean()) for row in (MODEL, MISMATCHED)}
        return {
            "mouth_psnr": mouths[MODEL],
            "over_wrong_audio_db": mouths[MODEL] - mouths[MISMATCHED],
            "mouth_detail": _detail(rows[MODEL], self._region),
        }


def use_reference(batch: Batch, reference: np.ndarray | None, share: float) -> Batch:
    """Put one reference (S, S, 3), uint8, if there is one, in the place of a share of a batch's own.

    Its upper half takes the place of those of its targets, too, as where `infer` shows the rest frame alone.
    """
    if reference is None:
        return batch
    count, half = math.ceil(share * len(batch.reference)), len(reference) // 2
    pixels = torch.from_numpy(reference).to(batch.reference.device).permute(2, 0, 1).float().div_(255)
    references, targets = batch.reference.clone(), batch.target.clone()
    references[:count] = pixels
    targets[: count * (len(targets) // len(references)), :, :half] = pixels[:, :half]
    return batch._replace(reference=references, target=targets)


def _gather_pairs(source: Source, pairs: Pairs, rows: np.ndarray, columns: np.ndarray, mismatched: np.ndarray) -> Batch:
    """Fetch references, by rows (R,), and targets of each, by columns (R, B / R), with right and mismatched audio."""
    targets = pairs.target[rows[:, None], columns].ravel()
    draw = Draw(pairs.reference[rows], targets, np.resize(mismatched, len(targets)))
    posed = torch.from_numpy(pairs.posed[rows[:, None], columns]).flatten(0, 1).to(source.device)
    batch = gather(source.crops, source.table, draw, source.device)
    return batch._replace(target=posed.permute(0, 3, 1, 2).float().div_(255))


def _draw_pairs(source: Source, recording: PersonalClip, pairs: Pairs, step: int) -> Batch:
    """Give the samples of one step, of pairs that may be learnt from."""
    rng = np.random.default_rng([source.config.seed, step])
    share = source.config.targets_per_reference
    learnt = np.flatnonzero(pairs.reference < int(recording.clips[0]["num_frames"]))
    rows = rng.choice(learnt, source.config.batch_size // share)
    columns = rng.integers(0, pairs.target.shape[1], (len(rows), share))
    batch = _gather_pairs(source, pairs, rows, columns, pairs.target[rows].ravel())
    return source.transform(batch, step)


def _detail(pixels: np.ndarray, region: tuple[int, int, int, int]) -> float:
    """Return the mean difference of neighbouring pixels in a region of crops (n, S, S, 3), levels of 255."""
    row0, row1, column0, column1 = region
    mouths = pixels[:, row0:row1, column0:column1].astype(np.float32)
    return float(sum(np.abs(np.diff(mouths, axis=axis)).mean() for axis in (1, 2)) / 2)


def _done(began: float, seconds: float, samples: int, max_samples: int | None) -> float:
    """Return how much of the work is done, 0 ... 1; the time counts only at its end where the samples are given."""
    share = (time.monotonic() - began) / seconds
    return share if max_samples is None or share >= 1 else samples / max_samples


def _step(
    source: Source, recipe: Any, state: TrainState, config: TrainConfig, done: float, recording: PersonalClip
) -> None:
    """Learn from one batch."""
    optimizer = state.optimizer
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * min(1.0, (done + 0.01) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
    torch.manual_seed(int(np.random.SeedSequence([config.seed, state.step]).generate_state(1, np.uint64)[0] >> 1))
    state.generator.train()
    if recording.pairs is None:
        batch = use_reference(recipe.batch(source, state.step), recording.reference, SHARE)
    else:
        batch = _draw_pairs(source, recording, recording.pairs, state.step)
    output = recipe.forward(state.generator, batch)
    terms = recipe.network_loss(batch, output)
    if not are_finite(find_tensors([output, terms])):
        raise LipsyncError("the loss is no longer a number while adapting", recording.path, "leave out --adapt")
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(terms.values())).sum().backward()
    if config.clip_norm:
        torch.nn.utils.clip_grad_norm_(state.generator.parameters(), config.clip_norm)
    optimizer.step()
    state.step += 1
    state.samples_seen += config.batch_size
    state.update_ema(config.ema_samples, config.batch_size)
