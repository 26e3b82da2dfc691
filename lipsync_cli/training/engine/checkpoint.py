"""The state of a run between steps: what a killed run needs to be resumed as if nothing had happened."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.json_values import check_type
from lipsync_cli.training.engine.finite import are_finite

if TYPE_CHECKING:
    from torch import nn, optim

FORMAT = "lipsync-training-state"
FORMAT_VERSION = 2  # 1, with one discriminator at most, is read
STATE = "last.state.pt"
_COUNTERS: dict[str, Any] = {"step": int, "samples_seen": int, "elapsed_s": float, "best": float | None, "waited": int}
_MISFITS = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


class TrainState:
    """Networks, optimisers, averaged weights and counters.

    Parameters
    ----------
    generator, optimizer : the trained network, and what updates it
    discriminators, discriminator_optimizers : the networks that are trained beside it, none or more, and what updates
        each, by the same names
    ema : keep an average of the generator's weights

    Attributes
    ----------
    step, samples_seen, elapsed_s, best : counters, and the best validation figure so far
    waited : validations since the best one
    pending : sums of the log since its last line
    """

    def __init__(
        self,
        generator: nn.Module,
        optimizer: optim.Optimizer,
        *,
        discriminators: Mapping[str, nn.Module] | None = None,
        discriminator_optimizers: Mapping[str, optim.Optimizer] | None = None,
        ema: bool = False,
    ) -> None:
        self.generator, self.optimizer = generator, optimizer
        self.discriminators: dict[str, nn.Module] = dict(discriminators or {})
        self.discriminator_optimizers: dict[str, optim.Optimizer] = dict(discriminator_optimizers or {})
        if self.discriminators.keys() != self.discriminator_optimizers.keys():
            raise ValueError("each discriminator needs an optimiser of its own")
        self.ema: nn.Module | None = copy.deepcopy(generator).eval().requires_grad_(False) if ema else None
        self.step, self.samples_seen, self.elapsed_s = 0, 0, 0.0
        self.best: float | None = None
        self.waited = 0
        self.pending: dict[str, list[float]] = {}

    @property
    def shown(self) -> nn.Module:
        """The generator that is validated and saved: the averaged one, if there is one."""
        return self.ema if self.ema is not None else self.generator

    def set_learning_rates(self, rate: float, factors: Mapping[str, float]) -> None:
        """Set the learning rate of the generator, and of each discriminator by its factor."""
        for name, optimizer in {"": self.optimizer, **self.discriminator_optimizers}.items():
            for group in optimizer.param_groups:
                group["lr"] = rate * factors.get(name, 1.0)

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
            "counters": {name: getattr(self, name) for name in _COUNTERS},
            "pending": self.pending,
            "generator": self.generator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "discriminators": {
                name: {"network": network.state_dict(), "optimizer": self.discriminator_optimizers[name].state_dict()}
                for name, network in self.discriminators.items()
            },
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
        InputError : if the file is cut short, changed, foreign, of another version, or of other networks
        """
        values = read_state(path, device)
        try:
            self.generator.load_state_dict(values["generator"])
            _load_optimizer(self.optimizer, values["optimizer"])
            if self.ema is not None:
                self.ema.load_state_dict(values["ema"])
            for name, network in self.discriminators.items():
                network.load_state_dict(values["discriminators"][name]["network"])
                _load_optimizer(self.discriminator_optimizers[name], values["discriminators"][name]["optimizer"])
            for name, kind in _COUNTERS.items():
                setattr(self, name, check_type(values["counters"][name], kind, name))
            if min(self.step, self.samples_seen, self.waited, self.elapsed_s) < 0:
                raise ValueError("a counter below zero")
            pending = check_type(values["pending"], dict[str, tuple[float, int]], "pending")
            self.pending = {name: list(pair) for name, pair in pending.items()}
        except (InputError, *_MISFITS) as error:
            raise _unreadable(path) from error
        networks = [self.generator, *self.discriminators.values(), *([] if self.ema is None else [self.ema])]
        if not are_finite([weights for network in networks for weights in network.parameters()], device):
            raise InputError("holds weights that are not finite", path, "remove it to begin the run anew")


def read_state(path: Path, device: str) -> dict[str, Any]:
    """Read a training state without the networks it belongs to, in the layout of this version.

    Returns
    -------
    "counters", "pending", "generator" and "ema" (weights), "optimizer" (of the generator), and "discriminators": by
    name, each with its "network" (weights) and "optimizer"

    Raises
    ------
    InputError : if the file is cut short, changed, foreign or of another version
    """
    from pickle import UnpicklingError

    import torch

    try:
        _check_sums(path)
        values = torch.load(path, map_location=device, weights_only=True)
        if not isinstance(values, dict):
            raise ValueError("it is no mapping")
        if values["format"] != FORMAT or values["format_version"] not in (1, FORMAT_VERSION):
            raise InputError("is no training state of this version", path, "choose another run folder")
        values = _from_format_1(values) if values["format_version"] == 1 else values
        _check_mappings(values)
        return values
    except (*_MISFITS, EOFError, UnpicklingError, BadZipFile) as error:
        raise _unreadable(path) from error


def _check_mappings(values: Any) -> None:
    """Look that what is indexed by names are mappings: a tensor takes a name, too, with a warning of torch on stderr.

    Raises
    ------
    KeyError, ValueError : one is missing, or something else
    """
    networks = list(values["discriminators"].values())
    optimizers = [values["optimizer"], *(each["optimizer"] for each in networks if isinstance(each, dict))]
    states = [each["state"] for each in optimizers if isinstance(each, dict)]
    for each in (values["counters"], values["generator"], values["ema"] or {}, *networks, *optimizers, *states):
        if not isinstance(each, dict):
            raise ValueError("a part of it is no mapping")


def _check_sums(path: Path) -> None:
    """Compare every part of a state file with its checksum, which torch writes (CRC-32) and does not look at.

    Raises
    ------
    ValueError : a part has changed, or is compressed, which no state is
    BadZipFile : the file is no archive, or its directory has changed
    """
    with ZipFile(path) as archive:
        if any(part.compress_type != ZIP_STORED or part.file_size != part.compress_size for part in archive.infolist()):
            raise ValueError("a part of it is compressed")
        if (changed := archive.testzip()) is not None:
            raise ValueError(f"{changed} has changed")


def _load_optimizer(optimizer: optim.Optimizer, values: dict[str, Any]) -> None:
    """Take up the moments of an optimiser; its rates stay those of this run's options.

    Raises
    ------
    ValueError : they are not of these parameters, or not finite
    """
    optimizer.load_state_dict({"state": values["state"], "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            shape = () if name == "step" else parameter.shape
            if value.shape != shape or not value.isfinite().all() or (name != "exp_avg" and (value < 0).any()):
                raise ValueError(f"{name} of an optimiser does not fit")
        if moments.keys() != {"step", "exp_avg", "exp_avg_sq"}:
            raise ValueError("an optimiser has other moments")


def _from_format_1(values: dict[str, Any]) -> dict[str, Any]:
    """Put the values of format 1 into the layout of format 2: networks stood side by side, one called "critic"."""
    modules, optimizers = values["modules"], values["optimizers"]
    if not isinstance(modules, dict) or not isinstance(optimizers, dict):
        raise ValueError("a part of it is no mapping")
    critics = {name: network for name, network in modules.items() if name not in ("generator", "ema")}
    return {
        "counters": dict(zip(_COUNTERS, [*values["counters"], values.get("waited", 0)], strict=True)),
        "pending": values["pending"],
        "generator": modules["generator"],
        "optimizer": optimizers["generator"],
        "ema": modules.get("ema"),
        "discriminators": {
            name: {"network": network, "optimizer": optimizers.get(name)} for name, network in critics.items()
        },
    }


def _unreadable(path: Path) -> InputError:
    return InputError("is not a readable training state", path, "remove it to begin the run anew")
