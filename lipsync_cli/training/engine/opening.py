"""What a run is, how it begins and how long it takes: said in its first seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.logging.run_log import Statistics

MANY_PARAMETERS = 10_000_000  # that a CPU trains for days
ENOUGH_STEPS, ENOUGH_S = 10, 4.0  # after the first step, to tell how long the rest takes
MOST_TERMS = 4


def describe_start(pack: Pack, config: TrainConfig, device: str, network: nn.Module) -> list[str]:
    """Return what is about to be trained, on what and on which device, in words; a warning where that takes days."""
    clips = pack.clips[pack.clips["split"] == "train"]
    speakers = len(set(clips["speaker"].tolist()))
    number = sum(parameter.numel() for parameter in network.parameters())
    said = [
        f"{device}: {config.generator} with {number / 1e6:.1f} M parameters, recipe {config.recipe}; "
        f"{len(clips)} clips of {speakers} {'speaker' if speakers == 1 else 'speakers'}, "
        f"{int(clips['num_frames'].sum())} frames; batches of {config.batch_size}"
    ]
    if device == "cpu" and number >= MANY_PARAMETERS:
        smaller = "--width small" if config.generator == "face-swap" else "--generator compact"
        said.append(
            f"warning: {number / 1e6:.0f} M parameters on a CPU take days; --estimate says how long, "
            f"{smaller} is smaller, --device cuda takes a GPU"
        )
    return said


def describe_time(seconds: float) -> str:
    """Return a length of time in words, of two units at most: "3 h 10 min"."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 100 * 60 else f"{minutes / 60 / 24:.1f} days"


class Opening:
    """Tells the loss of the first step, and then how long the run takes.

    Parameters
    ----------
    note : called with lines for the user
    clock : seconds, from any moment
    """

    def __init__(self, note: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._note, self._clock = note, clock
        self._began = clock()
        self._first_s: float | None = None
        self._steps, self._is_told = 0, False

    def step(self, statistics: Statistics, batch_size: int, samples_left: int) -> None:
        """Take note of a step that is done.

        Parameters
        ----------
        statistics : with the terms of the step
        samples_left : until the run ends
        """
        if self._is_told:
            return
        now = self._clock()
        if self._first_s is None:
            self._first_s = now
            terms = {name: total / count for name, (total, count) in statistics.pending().items() if count}
            kept = [name for name in terms if not name.startswith("training_batch/") and "gradient_norm" not in name]
            losses = ", ".join(f"{name} {terms[name]:.4g}" for name in kept[:MOST_TERMS])
            self._note(f"first step after {now - self._began:.1f} s: {losses}")
            if now - self._began > ENOUGH_S:
                self._tell(now - self._began, batch_size, samples_left)
            return
        self._steps += 1
        if self._steps >= ENOUGH_STEPS or now - self._first_s >= ENOUGH_S:
            self._tell((now - self._first_s) / self._steps, batch_size, samples_left)

    def _tell(self, step_s: float, batch_size: int, samples_left: int) -> None:
        self._is_told = True
        left_s = step_s * samples_left / batch_size
        self._note(
            f"about {describe_time(left_s)} for {samples_left} samples more, {batch_size / step_s:.1f} samples/s"
        )
