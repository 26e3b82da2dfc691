"""Everything that decides a training run, as one plain record that is saved beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lipsync_cli.config.option import option
from lipsync_cli.datasets.reference_gap import parse_gap
from lipsync_cli.datasets.transforms.names import parse_transforms
from lipsync_cli.errors import InputError
from lipsync_cli.models import ARCHITECTURES
from lipsync_cli.models.mel_shape import LEAST, MOST
from lipsync_cli.runtime.json_values import check_object, read_json
from lipsync_cli.speech.mel import WINDOW
from lipsync_cli.speech.speech_windows import SPEECH_INPUTS
from lipsync_cli.training.phases import parse_schedule

# As `training.recipes` has them; named here, because the help of `lipsync train` must not import torch.
RECIPES = (
    "lipgan",
    "l1",
    "wgan-gp",
    "l1wgan-gp",
    "l1wgan-gp-adv",
    "wgan-lp",
    "lsgan-gp",
    "wgan-div",
    "c-wgan",
    "lsgan",
    "sync-expert",
    "lipgan-expert",
    "lip-reader",
    "listen",
    "speech-embedding",
    "occlusion",
    "own-frame",
    "distillation",
    "text",
    "temporal-gan",
    "face-swap",
)
# Recipes that saved runs call by another name: until it had WGAN-LP, `wgan-ls` was least squares with a penalty.
OLD_RECIPES = {"wgan-ls": "lsgan-gp"}
LITERAL = "literal"  # value of `losses`
# What may change when a run is resumed: schedules and counters are in samples, so the batch size may, too.
_FREE = {"max_minutes", "batch_size", "patience", "checkpoint_every", "sheet_every"}
_FREE_IF_CONSTANT = {"epochs", "max_samples"}  # the length of a cosine, or of stages, is part of its shape
_SAMPLES_BETWEEN_GRIDS = (100 * 128, 600 * 128)  # samples, of epochs that are shorter or longer


@dataclass(frozen=True)
class TrainConfig:
    """A training run. The defaults are the thesis's figures for LipGAN, with LipGAN's own loss weights.

    What an option means is said in its field. Fields without one are what the run is made with:

    Attributes
    ----------
    dims : of the generator
    expert : SHA-256 of the sync expert that scores, "" for none
    transcripts : SHA-256 over the transcripts that it learns from, "" for none
    teacher : SHA-256 of the generator that it learns from, "" for none
    init : SHA-256 of the weights that the run starts from, "" for fresh ones
    """

    recipe: str = option(
        "What is minimised; l1 is reconstruction only. See docs/reference/recipes.md.",
        "lipgan",
        panel="model",
        choices=RECIPES,
        old_values={"wgan-ls": "wgan-lp"},  # the thesis's name for it
        metavar="NAME",
    )
    generator: str = option(
        "Architecture of the network that is trained: lipgan has 37 M parameters, compact 2.2 M.",
        "lipgan",
        panel="model",
        choices=tuple(ARCHITECTURES),
        shown="lipgan; other networks than generators: their own",
    )
    dims: dict[str, Any] = field(default_factory=dict)
    speech: str = option(
        "What a compact generator hears: mel, or encoder for speech features, which carry over to other voices; a "
        "temporal one: sound, or encoder.",
        "mel",
        panel="model",
        choices=SPEECH_INPUTS,
        shown="mel, or as in --init; speech-embedding, text: encoder; temporal-gan: sound",
    )
    mel_window: int = option(
        "Mel frames (1/80 s each) around a video frame that generator and discriminator hear, an odd number; the "
        "thesis asks about 13, 27 and 41.",
        WINDOW,
        panel="model",
        least=LEAST[1],
        most=MOST[1],
    )
    critic_width: int = option(
        "Channels of the first layer of LipGAN's discriminator; 8 costs 1/16.", 32, panel="model", least=1
    )
    width: float = option(
        "Recipe temporal-gan: of the published channels of pictures; 0.25 for processors.",
        1.0,
        panel="model",
        least=0.0625,
        most=2,
    )
    face_size: int = option(
        "Recipe face-swap: side of its faces in pixels, 64, 128 or 256.", 64, panel="model", least=64
    )
    swap_width: str = option(
        "Recipe face-swap: width of its network; lite has half the channels, small a quarter, for a try on a CPU.",
        "lite",
        panel="model",
        choices=("small", "lite", "standard"),
    )
    attention: str = option(
        "Recipe face-swap: sizes of the maps that get self-attention, or none; 8,16,32,64 as published.",
        "8,16",
        panel="model",
        metavar="SIZES",
    )
    exchange: bool = option(
        "Recipe face-swap: exchange the decoders at 8/10 of the run, as published.", True, panel="schedule", both=True
    )
    init: str = ""
    freeze_speech: bool = option(
        "Leave the speech encoder of --init as it is: it responds as before.", False, panel="model"
    )
    expert: str = ""
    transcripts: str = ""
    teacher: str = ""
    batch_size: int = option("Samples a step.", 128, panel="schedule", least=1)
    epochs: float = option("Passes over the training frames.", 20.0, panel="schedule", least=0)
    max_samples: int | None = option("Stop after this many samples instead.", None, panel="schedule", least=1)
    max_minutes: float | None = option(
        "Stop after this much training time, if sooner; the start and the last validation come on top.",
        None,
        panel="schedule",
        least=0,
    )
    patience: int = option(
        "Stop after so many validations without a better one.", 0, panel="schedule", least=0, shown="0: never"
    )
    learning_rate: float = option(
        "Of Adam.",
        1e-3,
        panel="schedule",
        names=("--learning-rate", "--lr"),
        least=0,
        shown="0.001; WGANs and lsgan: 0.0001",
    )
    beta1: float = option(
        "Of Adam.", 0.5, panel="schedule", least=0, below=1, shown="0.5; recipes that generate no picture: 0.9"
    )
    beta2: float = option("Of Adam.", 0.999, panel="schedule", least=0, below=1, shown="0.999; WGANs: 0.9")
    weight_decay: float = option("Of AdamW.", 0.0, panel="schedule", least=0, shown="0: Adam")
    schedule: str = option(
        "Of the learning rate: constant, or cosine from a short warm-up down to zero at the end.",
        "constant",
        panel="schedule",
        choices=("constant", "cosine", "stages"),
        shown="constant; face-swap: stages, as published",
    )
    clip_norm: float = option(
        "Largest gradient norm.",
        0.0,
        panel="schedule",
        least=0,
        shown="0: no limit; recipes that generate no picture: 1",
    )
    mouth_weight: float = option(
        "Weight of the mouth in the L1.", 1.0, panel="losses", least=0, shown="1; l1, lipgan-expert: 6"
    )
    warp_weight: float = option(
        "compact: weight of the warped reference's own L1.",
        0.0,
        panel="losses",
        least=0,
        shown="0; l1, lipgan-expert: 0.3",
    )
    ssim_weight: float = option(
        "Weight of 1 - SSIM of the lower half.", 0.0, panel="losses", least=0, shown="0; lipgan-expert: 0.1"
    )
    motion_weight: float = option(
        "Weight of how much the mouth moves, beside the real one.", 0.0, panel="losses", least=0
    )
    invariance_weight: float = option(
        "Recipe own-frame: weight of what two inputs of a target change in the output.",
        0.0,
        panel="losses",
        least=0,
        shown="0; own-frame: 1",
    )
    sync_weight: float = option(
        "Recipe lipgan-expert: weight of the expert's term.", 0.0, panel="losses", least=0, shown="0.03"
    )
    sync_runs: int = option(
        "Recipe lipgan-expert: so many runs of --targets-per-reference frames a step, for the expert; the other "
        "samples are single frames of other clips.",
        0,
        panel="data",
        least=0,
        shown="0: all are runs",
    )
    adversarial_weight: float = option(
        "Weight of the discriminator's term.",
        0.01,
        panel="losses",
        least=0,
        shown="0.01, with --losses literal 1; others: docs/reference/recipes.md",
    )
    perceptual_weight: float = option(
        "Recipe face-swap: weight of what the package's generator sees of the difference; 0.05 is a beginning.",
        0.0,
        panel="losses",
        least=0,
    )
    sequence_weight: float = option(
        "Recipe temporal-gan: weight of the sequence discriminator's term.", 0.006, panel="losses", least=0
    )
    phases: str = option(
        "Recipe temporal-gan: samples of the first two phases; the rest is adversarial.",
        "reconstruction=600000,sync-warm-up=200000",
        panel="schedule",
        check=parse_schedule,
        metavar="reconstruction=N,sync-warm-up=N",
    )
    penalty_weight: float = option(
        "WGANs: weight of the discriminator's penalty.", 10.0, panel="losses", least=0, shown="10; wgan-div: 2"
    )
    losses: str = option(
        "The formulas: published, as the papers and LipGAN's code have them, or literal, as the thesis prints them "
        "(lipgan, wgan-gp, l1wgan-gp). See docs/reference/thesis.md.",
        "published",
        panel="losses",
        choices=("published", "literal"),
    )
    margin: float = option("Of the contrastive loss.", 2.0, panel="losses", least=0)
    ema_samples: int = option("Half-life of the averaged weights.", 0, panel="schedule", least=0, shown="0: no average")
    augment: bool = option("Transform faces and voices at random.", False, panel="data", both=True)
    transforms: str = option(
        "Which: names, all, face, voice, standard; -NAME leaves one out. See docs/reference/recipes.md.",
        "standard",
        panel="data",
        check=parse_transforms,
    )
    augment_share: float = option("Share of the samples transformed.", 1.0, panel="data", least=0, most=1)
    targets_per_reference: int = option(
        "Samples of one clip.", 1, panel="data", least=1, shown="1; lipgan-expert: 8; sync-expert: 16"
    )
    consecutive: bool = False
    reference_gap: str = option(
        "Frames between reference and target: A..B, or A.. for A and more; the thesis: 1..6.",
        "6..",
        panel="data",
        check=parse_gap,
        metavar="A..B",
    )
    quiet_reference: float = option("Share of references from quiet moments.", 0.0, panel="data", least=0, most=1)
    speaker_temperature: float = option(
        "Above 1: speakers with few frames are drawn more.",
        1.0,
        panel="data",
        names=("--balance-speakers", "--speaker-temperature"),
        least=1,
        shown="1; listen: 2; occlusion: 3",
    )
    seed: int = option("Seed of every random choice.", 10, panel="advanced", least=0)
    precision: str = option(
        "Of the networks' arithmetic.", "float32", panel="performance", choices=("float32", "bfloat16")
    )
    validate_every: int = option("Samples from one validation to the next.", 600 * 128, panel="schedule", least=1)
    checkpoint_every: int = option("Samples from one checkpoint to the next.", 100 * 128, panel="schedule", least=1)
    sheet_every: int | None = option(
        "Samples from one sample sheet to the next.",
        None,
        panel="schedule",
        least=1,
        shown="an epoch, but 12800 to 76800",
    )
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
    from lipsync_cli.runtime.atomic_files import atomic_output

    text = json.dumps({"data": pack_fingerprint, **config.to_dict()}, indent=2) + "\n"
    with atomic_output(path, force=True) as temporary:
        temporary.write_text(text)


def check_same_run(path: Path, config: TrainConfig, pack_fingerprint: str) -> None:
    """Raise InputError if the run folder was begun with other options or another pack."""
    try:
        saved = check_object(read_json(path), "it")
    except InputError as error:
        fact = f"is not a readable run configuration ({error.fact})"
        raise InputError(fact, path, "choose another run folder") from error
    seen = saved.get("data")
    if seen != pack_fingerprint:
        raise InputError("this run was begun with another pack", path.parent, "choose another run folder")
    recipe = saved.get("recipe", TrainConfig.recipe)
    saved["recipe"] = OLD_RECIPES.get(str(recipe), recipe)
    free = _FREE | _FREE_IF_CONSTANT if config.schedule == "constant" else _FREE
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
