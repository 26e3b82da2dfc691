"""How long the full training of the temporal GAN takes on this machine: a few steps, and the rule of three.

python hours.py heads.h5 [--epochs 20] [--steps 5] [--device auto] [--speech sound] [--batch-size 96] [--width 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

from lipsync_cli import models
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.engine.setup import hold_crops
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.recipes.context import RecipeContext


def main() -> None:
    arguments = parse()
    device = resolve_device(arguments.device)
    config = make_config(
        "temporal-gan",
        speech=arguments.speech,
        width=arguments.width,
        batch_size=arguments.batch_size,
        targets_per_reference=min(arguments.batch_size, 24, arguments.length),
        phases="reconstruction=0,sync-warm-up=0",  # everything learns, which takes longest
    )
    with Pack(arguments.pack) as pack:
        source = Source(pack, hold_crops(pack, device, tell), "train", config, device)
        seconds = time_step(pack, source, config, arguments.steps, device)
        frames = int(source.table.num_frames.sum())
    rate = config.batch_size / seconds
    hours = arguments.epochs * frames / rate / 3600
    tell(f"{arguments.epochs:g} epochs of {frames} frames: {hours:.1f} hours at {rate:.1f} frames/s on {device}")


def parse() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--speech", default="sound")
    parser.add_argument("--batch-size", type=int, default=96)
    parser.add_argument("--length", type=int, default=24, help="frames of a run")
    parser.add_argument("--width", type=float, default=1.0)
    return parser.parse_args()


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def time_step(pack: Pack, source: Source, config: Any, steps: int, device: str) -> float:
    """Return the seconds of one step of generator and discriminators; the first one is not counted."""
    context = RecipeContext(config, pack.crop_rule.mouth_region(), pack.crop_rule.size)
    recipe = make_recipe(context)
    recipe.prepare(source, tell)
    recipe.enter(0)
    network = models.build(config.generator, recipe.dims(context)).to(device)
    networks = {None: network, **{name: one.network.to(device) for name, one in recipe.discriminators.items()}}
    optimizers = {name: torch.optim.Adam(one.parameters(), config.learning_rate) for name, one in networks.items()}
    began = time.monotonic()
    for step in range(steps + 1):
        if step == 1:
            wait(device)
            began = time.monotonic()
        batch = recipe.batch(source, step)
        output = recipe.forward(network, batch)
        for name in recipe.discriminators:
            for terms in recipe.discriminator_losses(name, batch, output.detach(), False):
                update(optimizers[name], terms)
        update(optimizers[None], recipe.network_loss(batch, output))
    wait(device)
    return (time.monotonic() - began) / steps


def update(optimizer: torch.optim.Optimizer, terms: dict[str, torch.Tensor]) -> None:
    optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    optimizer.step()


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
