"""The state of a run between steps: what a killed run needs to go on as if nothing had happened."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.output import atomic_output

if TYPE_CHECKING:
    from torch import nn, optim

FORMAT = "lipsync-training-state"
FORMAT_VERSION = 1
STATE = "last.state.pt"


class TrainState:
    """Networks, optimisers, averaged weights and counters.

    Attributes
    ----------
    step, samples_seen, elapsed_s, best : counters, and the best validation figure so far
    waited : validations since the best one
    pending : sums of the log since its last line
    """

    def __init__(
        self, generator: nn.Module, critic: nn.Module | None, optimizers: dict[str, optim.Optimizer], ema: bool
    ):
        self.generator, self.critic, self.optimizers = generator, critic, optimizers
        self.ema: nn.Module | None = copy.deepcopy(generator).eval().requires_grad_(False) if ema else None
        self.step, self.samples_seen, self.elapsed_s = 0, 0, 0.0
        self.best: float | None = None
        self.waited = 0
        self.pending: dict[str, list[float]] = {}

    @property
    def shown(self) -> nn.Module:
        """The generator that is validated and saved: the averaged one, if there is one."""
        return self.ema if self.ema is not None else self.generator

    def update_ema(self, half_life: int, batch_size: int) -> None:
        """Move the averaged weights towards the current ones; early in a run the half-life is shorter."""
        import torch

        if self.ema is None:
            return
        decay = 0.5 ** (batch_size / max(1.0, min(half_life, 0.1 * self.samples_seen)))
        with torch.no_grad():
            for average, current in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
                average.lerp_(current, 1 - decay)
            for kept, buffer in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
                kept.copy_(buffer)

    def save(self, path: Path) -> None:
        """Write the state whole or not at all."""
        import torch

        values: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "counters": [self.step, self.samples_seen, self.elapsed_s, self.best],
            "waited": self.waited,
            "pending": self.pending,
            "modules": {name: module.state_dict() for name, module in self._modules().items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }
        with atomic_output(path, force=True) as temporary:
            try:
                torch.save(values, temporary)
            except RuntimeError as error:  # how its writer tells of a full disk
                raise OSError(str(error).splitlines()[0]) from error

    def load(self, path: Path, device: str) -> None:
        """Read the state of an interrupted run.

        Raises
        ------
        InputError : if the file is cut short, foreign, of another version, or of other networks
        """
        values = read_state(path, device)
        try:
            for name, module in self._modules().items():
                module.load_state_dict(values["modules"][name])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(values["optimizers"][name])
            self.step, self.samples_seen, self.elapsed_s, self.best = values["counters"]
            self.waited = values.get("waited", 0)
            self.pending = values["pending"]
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(path) from error

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"generator": self.generator, "critic": self.critic, "ema": self.ema}
        return {name: module for name, module in modules.items() if module is not None}


def read_state(path: Path, device: str) -> dict[str, Any]:
    """Read a training state without the networks it belongs to: `counters`, `modules` and `optimizers` by name.

    Raises
    ------
    InputError : if the file is cut short, foreign or of another version
    """
    from pickle import UnpicklingError

    import torch

    try:
        values = torch.load(path, map_location=device, weights_only=True)
        if values["format"] != FORMAT or values["format_version"] != FORMAT_VERSION:
            raise InputError("is no training state of this version", path, "choose another run folder")
        return values
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, UnpicklingError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    return InputError("is not a readable training state", path, "remove it to begin the run anew")
