"""The training loop against the bare network: samples/s with everything, over samples/s of forward and backward alone.

The bare network is run forward, backward and through its optimiser on one batch that lies ready on the device; the loop
draws, cuts and transforms a new batch for every step, keeps averaged weights and statistics, and writes its log.
Figures are medians of several turns, taken in alternation, so that a busy machine slows both alike; on a CPU,
`cpu_ratio` is of samples per processor second, which a busy machine hardly changes.

On a GPU the exact LipGAN too, with its critic, and the hours that 20 epochs of GRIDFull (43.8 million samples) would
take; the thesis took three days.

Usage: python benchmarks/train.py [STEPS] [--pack PACK --recipe NAME]      (default: 20 on a CPU, 200 on a GPU)

With a pack of your own any recipe that makes pictures is measured, such as face-swap and temporal-gan.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from batches import make_inputs

from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.training.config import TrainConfig
from lipsync_cli.training.engine.distributed import World
from lipsync_cli.training.engine.prefetch import Prefetch
from lipsync_cli.training.engine.setup import prepare
from lipsync_cli.training.engine.trainer import _Loop
from lipsync_cli.training.recipe_config import make_config

GRID_FULL_SAMPLES = 43.8e6  # 20 epochs
TURNS = 3
SMALL: dict[str, dict[str, Any]] = {"temporal-gan": {"width": 0.25, "phases": "reconstruction=0,sync-warm-up=0"}}


class Rate(NamedTuple):
    """Seconds, or something per second."""

    wall: float
    cpu: float


def now() -> Rate:
    """Time on the clock and processor time of all threads."""
    return Rate(time.perf_counter(), time.process_time())


class Race:
    """The loop and the bare network on the same pack with the same options."""

    def __init__(self, pack: Pack, folder: Path, config: TrainConfig, device: str) -> None:
        self.config, self.device, self.world = config, device, World()
        self.run = prepare(pack, folder, config, device, world=self.world, note=print_nothing)
        self.loop = _Loop(self.run, self.world, print_nothing, None, False)
        self.batch = self.run.recipe.batch(self.run.source, 0)

    def wait(self) -> None:
        """Wait for the device."""
        if self.device != "cpu":
            torch.cuda.synchronize()

    def rate(self, began: Rate, steps: int) -> Rate:
        """Samples a second and a processor second since a moment."""
        samples = steps * self.config.batch_size
        return Rate(*(samples / (end - start) for end, start in zip(now(), began, strict=True)))

    def loop_rate(self, steps: int) -> Rate:
        """Samples a second of the loop's steps, batches made ahead."""
        state = self.run.state
        began = now()
        with Prefetch(self.loop._batch, state.step, 1) as batches:
            for _ in range(steps):
                before = state.samples_seen
                self.loop._step(batches.take())
                state.step += 1
                state.samples_seen += self.config.batch_size
                state.update_ema(self.config.ema_samples, self.config.batch_size)
                self.loop._report(before, False)
        self.wait()
        return self.rate(began, steps)

    def bare_rate(self, steps: int) -> Rate:
        """Samples a second of forward, backward and update on a batch that lies ready."""
        state, recipe = self.run.state, self.run.recipe
        began = now()
        for _ in range(steps):
            with torch.autocast(self.device, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
                made = recipe.forward(state.generator.train(), self.batch)
                for name, discriminator in state.discriminators.items():
                    discriminator.requires_grad_(True)
                    for terms in recipe.discriminator_losses(name, self.batch, detach(made), True):
                        update(state.discriminator_optimizers[name], terms)
                    discriminator.requires_grad_(False)
                terms = recipe.network_loss(self.batch, made)
            update(state.optimizer, terms)
        self.wait()
        return self.rate(began, steps)


def detach(made: Any) -> Any:
    """Return what a network made, without how."""
    return type(made)(*(part.detach() if isinstance(part, torch.Tensor) else part for part in made))


def update(optimizer: torch.optim.Optimizer, terms: dict[str, torch.Tensor]) -> None:
    """Minimise a sum of terms by one step."""
    optimizer.zero_grad(set_to_none=True)
    sum(terms.values(), torch.zeros((), device=next(iter(terms.values())).device)).backward()
    optimizer.step()


def print_nothing(text: str) -> None:
    """Take the loop's notes."""


def main() -> None:
    """Measure and print one JSON object."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", type=int, nargs="?", default=20 if device == "cpu" else 200)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--recipe")
    given = parser.parse_args()
    steps = given.steps
    rest = {"max_samples": 10**7, "validate_every": 10**7, "sheet_every": 10**7, "augment": True, "ema_samples": 8000}
    fast = {"precision": "bfloat16", "batch_size": 256} if device != "cpu" else {"batch_size": 16}
    runs = {"compact": make_config("l1", generator="compact", targets_per_reference=4, **rest, **fast)}
    if given.recipe is not None:
        rest.pop("augment")
        runs = {given.recipe: make_config(given.recipe, **rest | fast | SMALL.get(given.recipe, {}))}
    elif device != "cpu":
        runs["lipgan"] = make_config("lipgan", **rest, **fast)
    result: dict[str, object] = {"device": device if device == "cpu" else torch.cuda.get_device_name(0), "steps": steps}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.pack is None:
            make_inputs(folder)
        with Pack(given.pack or folder / "pack.h5") as pack:
            for which, config in runs.items():
                race = Race(pack, folder / which, config, device)
                race.loop_rate(2), race.bare_rate(2)
                rates = [(race.loop_rate(steps), race.bare_rate(steps)) for _ in range(TURNS)]
                loop, bare = (statistics.median(turn.wall for turn in turns) for turns in zip(*rates, strict=True))
                result[f"{which}_loop_samples_per_s"] = round(loop, 1)
                result[f"{which}_bare_samples_per_s"] = round(bare, 1)
                result[f"{which}_ratio"] = round(statistics.median(a.wall / b.wall for a, b in rates), 3)
                if device == "cpu":
                    result[f"{which}_cpu_ratio"] = round(statistics.median(a.cpu / b.cpu for a, b in rates), 3)
                if device != "cpu":
                    result[f"{which}_hours_for_grid_full"] = round(GRID_FULL_SAMPLES / loop / 3600, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
