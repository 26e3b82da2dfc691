"""Everything that decides a training run, as one plain record that is saved beside it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.models import kind_of
from lipsync_cli.training.transforms import parse_transforms

# What may change when a run goes on: schedules and counters are in samples, so the batch size may, too.
_FREE = {"max_minutes", "batch_size", "patience", "checkpoint_every", "sheet_every"}
_FREE_IF_CONSTANT = {"epochs", "max_samples"}  # a cosine's length is part of its shape
_SHEETS_APART = (100 * 128, 600 * 128)  # samples, of epochs that are shorter or longer


@dataclass(frozen=True)
class TrainConfig:
    """A training run. The defaults are the thesis's figures for LipGAN, with LipGAN's own loss weights.

    Parameters
    ----------
    recipe : what is minimised, see `training.recipes`
    generator : architecture of the trained network, see `models`
    dims : of the generator
    critic_width : channels of the first layer of LipGAN's critic (32 there); 8 costs a sixteenth
    expert : SHA-256 of the sync expert that judges, "" for none
    transcripts : SHA-256 over the transcripts that it learns from, "" for none
    init : SHA-256 of the weights that the run starts from, "" for fresh ones
    freeze_speech : the generator's speech encoder stays as it is in those weights
    batch_size : targets in a step
    epochs : passes over the usable frames of the training split
    max_samples : stop after this many targets instead; the schedule's length too
    max_minutes : stop after this much training time, if sooner
    patience : stop after so many validations without a better one, 0 for never
    learning_rate, beta1, beta2, weight_decay : of Adam (AdamW where the decay is not 0), generator and critic alike
    schedule : "constant", or "cosine" from a short warm-up down to zero at the end
    clip_norm : largest gradient norm of the generator, 0 for no limit
    mouth_weight, warp_weight, ssim_weight, motion_weight, sync_weight, adversarial_weight, penalty_weight, margin : of
        the losses
    sync_runs : so many references of a batch have all their targets, for the expert; the other targets have a clip and
        a reference each. 0: all references
    ema_samples : half-life of the averaged weights in samples, 0 for none; the average is what is validated and saved
    augment : transform faces and voices at random
    transforms : which, see `training.transforms`
    augment_share : share of the references that are transformed, their targets and sounds with them
    targets_per_reference, consecutive, quiet_reference, speaker_temperature : see `data.batches.Sampling`
    seed : of everything random
    precision : "float32", or "bfloat16" autocast
    validate_every, checkpoint_every : in samples
    sheet_every : in samples; None for every epoch, see `sheets_apart`
    validation_frames : frames of each clip of the validation split
    """

    recipe: str = "lipgan"
    generator: str = "lipgan"
    dims: dict[str, Any] = field(default_factory=dict)
    critic_width: int = 32
    init: str = ""
    freeze_speech: bool = False
    expert: str = ""
    transcripts: str = ""
    batch_size: int = 128
    epochs: float = 20.0
    max_samples: int | None = None
    max_minutes: float | None = None
    patience: int = 0
    learning_rate: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip_norm: float = 0.0
    mouth_weight: float = 1.0
    warp_weight: float = 0.0
    ssim_weight: float = 0.0
    motion_weight: float = 0.0
    sync_weight: float = 0.0
    sync_runs: int = 0
    adversarial_weight: float = 0.01
    penalty_weight: float = 10.0
    margin: float = 2.0
    ema_samples: int = 0
    augment: bool = False
    transforms: str = "standard"
    augment_share: float = 1.0
    targets_per_reference: int = 1
    consecutive: bool = False
    quiet_reference: float = 0.0
    speaker_temperature: float = 1.0
    seed: int = 10
    precision: str = "float32"
    validate_every: int = 600 * 128
    checkpoint_every: int = 100 * 128
    sheet_every: int | None = None
    validation_frames: int = 5

    def to_dict(self) -> dict[str, Any]:
        """Give the configuration as a JSON-able dictionary."""
        return asdict(self)

    def sheets_apart(self, epoch: int) -> int:
        """Say how many samples lie between two sample sheets: as asked for, else an epoch, within limits.

        Parameters
        ----------
        epoch : frames to train on
        """
        least, most = _SHEETS_APART
        return self.sheet_every or min(max(epoch, least), most)


def make_config(recipe: str, **options: Any) -> TrainConfig:
    """Build a configuration: the thesis's figures, then the recipe's own, then what the user asked for.

    Raises
    ------
    UsageError : an option has a value that does not exist, or options contradict each other
    """
    from lipsync_cli.training.recipes import find_recipe

    found = find_recipe(recipe)
    config = TrainConfig(**{**found.defaults, **options, "recipe": recipe})
    choices = {
        "generator": found.architectures,
        "schedule": ("constant", "cosine"),
        "precision": ("float32", "bfloat16"),
    }
    for name, values in choices.items():
        if getattr(config, name) not in values:
            raise UsageError(f"{name} {getattr(config, name)!r} does not exist", hint="use " + " or ".join(values))
    _check_numbers(config)
    if config.sync_runs and not found.needs_expert:
        raise UsageError(f"the recipe {recipe} asks no expert", hint="leave out --sync-runs")
    if config.batch_size % config.targets_per_reference and not config.sync_runs:
        raise UsageError(f"a batch of {config.batch_size} cannot share references {config.targets_per_reference} each")
    if config.motion_weight and config.targets_per_reference < 2:
        raise UsageError("one frame does not move", hint="use --targets-per-reference 4 or so with --motion-weight")
    if config.freeze_speech and (kind_of(config.generator) != "generator" or found.needs_start):
        raise UsageError(f"the recipe {recipe} teaches no generator to draw", hint="leave out --freeze-speech")
    parse_transforms(config.transforms)
    found.check(config)
    return config


def _check_numbers(config: TrainConfig) -> None:
    for name, value in config.to_dict().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{name} {value} is no finite number")
    for name in ("beta1", "beta2"):
        if not 0 <= getattr(config, name) < 1:
            raise UsageError(
                f"{name} {getattr(config, name)} is not below 1", hint="Adam's usual ones are 0.9 and 0.999"
            )
    if config.seed < 0:
        raise UsageError(f"seed {config.seed} is below 0")


def check_expert(config: TrainConfig, is_given: bool) -> bool:
    """Say whether a sync expert judges.

    Raises
    ------
    UsageError : one is given to a recipe that asks none
    """
    from lipsync_cli.training.recipes import find_recipe

    needed = find_recipe(config.recipe).needs_expert
    if is_given and not needed:
        raise UsageError(f"the recipe {config.recipe} asks no expert", hint="leave out --expert")
    return needed


def check_transcripts(config: TrainConfig, is_given: bool) -> bool:
    """Say whether transcripts are learned from.

    Raises
    ------
    UsageError : they are missing, or given to a recipe that asks none
    """
    from lipsync_cli.training.recipes import find_recipe

    needed = find_recipe(config.recipe).needs_transcripts
    if is_given and not needed:
        raise UsageError(f"the recipe {config.recipe} asks no transcripts", hint="leave out --transcripts")
    if needed and not is_given:
        raise UsageError(f"the recipe {config.recipe} needs transcripts", hint="give --transcripts FOLDER")
    return needed


def check_start(config: TrainConfig, is_given: bool) -> None:
    """Raise UsageError if the recipe goes on with trained weights, or part of them is to stay, and none are given."""
    from lipsync_cli.training.recipes import find_recipe

    if find_recipe(config.recipe).needs_start and not is_given:
        raise UsageError(f"the recipe {config.recipe} goes on with trained weights", hint="give --init WEIGHTS")
    if config.freeze_speech and not is_given:
        raise UsageError("--freeze-speech keeps a trained speech encoder", hint="give --init WEIGHTS")


def save_config(path: Path, config: TrainConfig, pack_fingerprint: str) -> None:
    """Write the resolved configuration and the fingerprint of its data."""
    from lipsync_cli.output import atomic_output

    text = json.dumps({"data": pack_fingerprint, **config.to_dict()}, indent=2) + "\n"
    with atomic_output(path, force=True) as temporary:
        temporary.write_text(text)


def check_same_run(path: Path, config: TrainConfig, pack_fingerprint: str) -> None:
    """Raise InputError if the run folder was begun with other options or another pack."""
    try:
        saved = json.loads(path.read_text())
        seen = saved.get("data")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError("is not a readable run configuration", path, "choose another run folder") from error
    if seen != pack_fingerprint:
        raise InputError("this run was begun with another pack", path.parent, "choose another run folder")
    free = _FREE if config.schedule == "cosine" else _FREE | _FREE_IF_CONSTANT
    for name in (item.name for item in fields(config)):
        before = saved.get(name, getattr(TrainConfig(), name))  # options that came later were at their default
        if name not in free and before != getattr(config, name):
            raise InputError(
                f"this run was begun with {name} = {_or_none(before)}, not {_or_none(getattr(config, name))}",
                path.parent,
                "choose another run folder, or the same options",
            )


def _or_none(value: Any) -> Any:
    return "none" if value in ("", None) else value
