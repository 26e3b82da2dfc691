"""Batches made ahead of their step, by threads, in the order of the steps whatever the number of threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any


class Prefetch:
    """A context manager that gives one batch after the other.

    Each thread computes on one core: several teams of torch's threads on the same cores wait for each other, which made
    the loop slower on two cores than on one (`benchmarks/train.py`).

    Parameters
    ----------
    make : gives the batch of a step, the same one each time; called from the threads
    first : step of the first batch
    workers : threads, each at most one batch ahead; 0 makes every batch when it is asked for
    """

    def __init__(self, make: Callable[[int], Any], first: int, workers: int) -> None:
        self._make, self._next = make, first
        self._pool = ThreadPoolExecutor(workers, "batches", _compute_alone) if workers else None
        self._ahead = workers
        self._waiting: deque[Future[Any]] = deque()

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def take(self) -> Any:
        """Give the next step's batch; what went wrong while it was made is raised here."""
        if self._pool is None:
            self._next += 1
            return self._make(self._next - 1)
        if not self._waiting:
            self._submit()
        batch = self._waiting.popleft()
        while len(self._waiting) < self._ahead:
            self._submit()
        return batch.result()

    def _submit(self) -> None:
        assert self._pool is not None
        self._waiting.append(self._pool.submit(self._make, self._next))
        self._next += 1


def _compute_alone() -> None:
    import torch

    torch.set_num_threads(1)  # holds for the calling thread
