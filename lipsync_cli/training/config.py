"""Everything that decides a training run, as one plain record that is saved beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError

# What may change when a run is resumed: schedules and counters are in samples, so the batch size may, too.
_FREE = {"max_minutes", "batch_size", "patience", "checkpoint_every", "sheet_every"}
_FREE_IF_CONSTANT = {"epochs", "max_samples"}  # a cosine's length is part of its shape
_SAMPLES_BETWEEN_GRIDS = (100 * 128, 600 * 128)  # samples, of epochs that are shorter or longer


@dataclass(frozen=True)
class TrainConfig:
    """A training run. The defaults are the thesis's figures for LipGAN, with LipGAN's own loss weights.

    Parameters
    ----------
    recipe : what is minimised, see `training.recipes`
    generator : architecture of the trained network, see `models`
    dims : of the generator
    speech : what the generator hears: "mel", or "encoder" for speech features
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
    sheet_every : in samples; None for every epoch, see `samples_between_grids`
    validation_frames : frames of each clip of the validation split
    """

    recipe: str = "lipgan"
    generator: str = "lipgan"
    dims: dict[str, Any] = field(default_factory=dict)
    speech: str = "mel"
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

    def samples_between_grids(self, epoch: int) -> int:
        """Say how many samples lie between two sample grids: as asked for, else an epoch, within limits.

        Parameters
        ----------
        epoch : frames to train on
        """
        least, most = _SAMPLES_BETWEEN_GRIDS
        return self.sheet_every or min(max(epoch, least), most)


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
