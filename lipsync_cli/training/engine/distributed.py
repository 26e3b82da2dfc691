"""Several processes as one: each takes its part of every global batch, and gradients are averaged before each update.

Data-parallel training as torch's DistributedDataParallel does it, but by hand, because a critic's penalty
differentiates twice and a step updates two networks in turn. Every process makes the whole global batch from seed and
step and keeps its own part, so that N processes see the samples of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import ToolError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

PATIENCE = timedelta(hours=2)  # how long the others wait while the first process validates


class World:
    """The processes of a run; without `join` there is one.

    Attributes
    ----------
    rank, size : this process's number, and how many there are; number 0 writes
    """

    def __init__(self, rank: int = 0, size: int = 1, control: Any = None) -> None:
        self.rank, self.size, self._control = rank, size, control

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def check(self, batch_size: int, targets_per_reference: int, runs: int = 0) -> None:
        """Raise UsageError if a batch cannot be split between the processes by references.

        Parameters
        ----------
        runs : so many references have all their targets and the other targets one each; 0: all references
        """
        groups = runs or batch_size // targets_per_reference
        if groups % self.size:
            several = "--sync-runs" if runs else "--batch-size"
            raise UsageError(
                f"{groups} references cannot be split between {self.size} processes",
                hint=f"use a {several} that is a multiple of {self.size * (1 if runs else targets_per_reference)}",
            )
        singles = batch_size - runs * targets_per_reference
        if runs and singles % self.size:
            raise UsageError(
                f"{singles} single frames cannot be split between {self.size} processes",
                hint=f"use a --batch-size that is {runs * targets_per_reference} more than a multiple of {self.size}",
            )

    def part(self, batch: Any) -> Any:
        """Keep this process's part of a batch: a named tuple whose fields' first axes are references or samples.

        A named tuple of such batches is taken apart batch by batch.
        """
        if self.size == 1:
            return batch
        if any(isinstance(field, tuple) for field in batch):
            return type(batch)(*(self.part(field) for field in batch))
        groups = min(len(field) for field in batch if field is not None)
        return type(batch)(*(None if field is None else self._slice(field, groups) for field in batch))

    def _slice(self, field: Any, groups: int) -> Any:
        """Take every so-manieth group: where the first groups of a batch are transformed, each process has some."""
        each, rest = len(field) // groups, field.shape[1:]
        return field.reshape(groups, each, *rest)[self.rank :: self.size].reshape(-1, *rest)

    def average(self, tensors: Iterable[Tensor | None]) -> None:
        """Replace tensors by their means over the processes.

        Raises
        ------
        ToolError : another process is gone
        """
        if self.size == 1:
            return
        import torch

        present = [tensor for tensor in tensors if tensor is not None]
        if not present:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in present])
        _reduce(flat)
        flat /= self.size
        first = 0
        for tensor in present:
            tensor.copy_(flat[first : first + tensor.numel()].view_as(tensor))
            first += tensor.numel()

    def largest(self, value: float) -> float:
        """Give the largest of all processes' values; no accelerator is waited for.

        Raises
        ------
        ToolError : another process is gone
        """
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        shared = torch.tensor([value], dtype=torch.float64)
        _reduce(shared, op=distributed.ReduceOp.MAX, group=self._control)
        return float(shared)

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.largest(0.0)

    def synchronised(self, network: nn.Module, device: str) -> nn.Module:
        """Let batch normalisation see the whole global batch; torch can do that on accelerators only."""
        if self.size == 1 or device == "cpu":
            return network
        from torch import nn

        return nn.SyncBatchNorm.convert_sync_batchnorm(network)


def _reduce(tensor: Tensor, **how: Any) -> None:
    from torch import distributed

    try:
        distributed.all_reduce(tensor, **how)
    except RuntimeError as error:
        fact = f"another process of this run is gone ({str(error).splitlines()[0]})"
        hint = "the last checkpoint is kept: the same command resumes the run from there"
        raise ToolError(fact, hint=hint) from error


def join(rank: int, size: int, device: str) -> World:
    """Meet the other processes that torchrun started; their address is in the environment that it set.

    Parameters
    ----------
    device : where this process trains; CUDA devices talk over NCCL, processors over gloo

    Raises
    ------
    ToolError : the processes do not find each other
    """
    if size == 1:
        return World()
    import torch
    from torch import distributed

    try:
        if device != "cpu":
            torch.cuda.set_device(device)
        backend = "gloo" if device == "cpu" else "nccl"
        distributed.init_process_group(backend, rank=rank, world_size=size, timeout=PATIENCE)
        return World(rank, size, distributed.new_group(backend="gloo", timeout=PATIENCE))
    except (RuntimeError, ValueError) as error:
        raise ToolError(f"the processes do not find each other ({str(error).splitlines()[0]})") from error


def leave() -> None:
    """End what `join` began, if it began anything."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
