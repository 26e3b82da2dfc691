"""The configuration of a run from its recipe's defaults and the user's options, checked as a whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from lipsync_cli.config.build import check_value, get_value
from lipsync_cli.config.option import entries_of
from lipsync_cli.datasets.reference_gap import parse_gap
from lipsync_cli.datasets.transforms.names import parse_transforms
from lipsync_cli.errors import UsageError
from lipsync_cli.models import kind_of
from lipsync_cli.speech.mel import WINDOW
from lipsync_cli.speech.speech_windows import ENCODER, MEL, SOUND
from lipsync_cli.training.config import LITERAL, TrainConfig
from lipsync_cli.training.recipes import RECIPES, find_recipe
from lipsync_cli.training.recipes.context import INPUTS


def make_config(recipe: str, **options: Any) -> TrainConfig:
    """Build a configuration: the thesis's figures, then the recipe's own, then what the user asked for.

    Parameters
    ----------
    recipe : its name, in upper or lower case
    options : fields of `TrainConfig`

    Raises
    ------
    UsageError : an option has a value that does not exist, or options contradict each other
    """
    found = find_recipe(recipe)
    is_literal = options.get("losses") == LITERAL
    if is_literal and found.literal_defaults is None:
        literal = [name for name, one in RECIPES.items() if one.literal_defaults is not None]
        raise UsageError(
            f"the thesis has no formulas of the recipe {found.name}",
            hint=f"leave out --losses {LITERAL}, or use it with {', '.join(literal)}",
        )
    literal_defaults = found.literal_defaults if is_literal else {}
    config = TrainConfig(**{**found.defaults, **literal_defaults, **options, "recipe": found.name})
    own = [each for each in entries_of(TrainConfig) if each.name not in ("recipe", "generator")]  # known by recipes
    config = replace(config, **{each.name: check_value(each, get_value(config, each), name=each.name) for each in own})
    if config.generator not in found.architectures:
        names = " or ".join(found.architectures)
        raise UsageError(f"generator {config.generator!r} does not exist", hint=f"use {names}")
    _check_speech(config)
    _check_mel_window(config, found)
    if config.sync_runs and "expert" not in found.needs:
        raise UsageError(f"the recipe {found.name} asks no expert", hint="leave out --sync-runs")
    if config.batch_size % config.targets_per_reference and not config.sync_runs:
        raise UsageError(f"a batch of {config.batch_size} cannot share references {config.targets_per_reference} each")
    if config.motion_weight and config.targets_per_reference < 2:
        raise UsageError("one frame does not move", hint="use --targets-per-reference 4 or so with --motion-weight")
    if config.freeze_speech and not found.learns_pictures:
        raise UsageError(f"the recipe {found.name} teaches no generator to draw", hint="leave out --freeze-speech")
    parse_transforms(config.transforms)
    parse_gap(config.reference_gap)
    found.check(config)
    return config


def _check_speech(config: TrainConfig) -> None:
    """Raise UsageError if the generator cannot hear what it shall hear."""
    can_hear = {"compact": (MEL, ENCODER), "temporal": (SOUND, ENCODER), "phone-encoder": (MEL, ENCODER)}.get(
        config.generator, (MEL,)
    )
    if config.speech not in can_hear:
        other = "use --generator compact" if can_hear == (MEL,) else f"use --speech {' or '.join(can_hear)}"
        what = "mels" if can_hear == (MEL,) else " or ".join(can_hear)
        raise UsageError(f"the generator {config.generator} hears {what}", hint=other)


def _check_mel_window(config: TrainConfig, recipe: Any) -> None:
    """Raise UsageError if the networks of a run cannot hear windows of this length."""
    if config.mel_window == WINDOW:
        return
    if config.mel_window % 2 == 0:
        raise UsageError("--mel-window is odd: as many frames before the middle as after", hint="give 13, 27 or 41")
    if kind_of(config.generator) != "generator" or config.speech != MEL or "expert" in recipe.needs:
        what = f"the recipe {recipe.name}" if config.speech == MEL else f"a run with --speech {config.speech}"
        raise UsageError(f"{what} has no other mel windows than {WINDOW} frames", hint="leave out --mel-window")


def check_inputs(config: TrainConfig, given: Collection[str]) -> None:
    """Check what a run is given beside its pack against what its recipe needs.

    Parameters
    ----------
    given : names of `recipes.context.INPUTS`

    Raises
    ------
    UsageError : something is missing, or the recipe has no use for it
    """
    needs = find_recipe(config.recipe).needs
    for name, item in INPUTS.items():
        option = item.option.split()[0]
        if name in given and name not in needs and not item.is_always_taken:
            raise UsageError(f"the recipe {config.recipe} asks no {item.noun}", hint=f"leave out {option}")
        if name in needs and name not in given and not item.has_default:
            raise UsageError(f"the recipe {config.recipe} needs {item.noun}", hint=f"give {item.option}")
    if config.freeze_speech and "start" not in given:
        raise UsageError("--freeze-speech keeps a trained speech encoder", hint="give --init WEIGHTS")
