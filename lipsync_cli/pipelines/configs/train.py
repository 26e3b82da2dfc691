"""The options of `lipsync train`: those of the run itself, which is saved, and what it reads and where it works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync_cli.config.option import argument, group, option
from lipsync_cli.config.shared_options import device_option, jobs_option
from lipsync_cli.training.config import TrainConfig


def _make_config(**options: Any) -> TrainConfig:
    from lipsync_cli.training.recipe_config import make_config  # here: it knows the recipes, which import torch

    return make_config(**{"recipe": TrainConfig.recipe, **options})


@dataclass(frozen=True)
class TrainJob:
    """A training run and where it is done.

    Examples
    --------
    make(TrainJob, pack=["grid.h5"], run="runs/lipgan", recipe="lipgan", epochs=2)
    """

    pack: tuple[Path, ...] = argument("A pack made by lipsync pack; several are joined.", metavar="PACK")
    run: Path = argument("The run folder; one that was interrupted is resumed.", writes=True)
    config: TrainConfig = group(table=False, build=_make_config)
    init: Path | None = option(
        "Start from these weights: a run folder or a .safetensors file.",
        None,
        panel="input and output",
        shown="fresh ones",
    )
    expert: Path | None = option(
        "Recipe lipgan-expert: a run of sync-expert, its weights, or grid for those trained on GRID alone.",
        None,
        panel="input and output",
        shown="that of the package",
    )
    transcripts: Path | None = option(
        "Recipes lip-reader and text: folder of SPEAKER/CLIP.align, as GRID has them.", None, panel="input and output"
    )
    teacher: Path | None = option(
        "Recipe distillation: generator that is learned from; recipe text: whose speech encoder is, it hears features.",
        None,
        panel="input and output",
        shown="that of the package",
    )
    estimate: bool = option(
        "Measure 20 steps, print how many hours the run would take on this device, and stop; nothing is written.",
        False,
        panel="performance",
        in_file=False,
    )
    tensorboard: bool = option("Write the log for TensorBoard, too.", False, panel="input and output")
    device: str = device_option()
    jobs: int | None = jobs_option()
