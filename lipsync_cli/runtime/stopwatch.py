"""Where the time goes: one part after the other, and stages that run side by side."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Seconds of wall time.

    Attributes
    ----------
    parts : of the work, which come one after the other
    stages : of the drawing, which overlap: each counts the time in which it worked, not that in which it waited
    """

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.stages: dict[str, float] = {}
        self._last = time.monotonic()

    def end(self, part: str) -> None:
        """Count the time since the last call, or since the beginning, for a part."""
        now = time.monotonic()
        self.parts[part] = round(self.parts.get(part, 0.0) + now - self._last, 3)
        self._last = now

    @contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        """Count the time inside the block for a stage."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.monotonic() - started

    def count(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Give the items; the time that they take to come counts for a stage."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Give parts and stages as a JSON-able dictionary."""
        stages = {name: round(seconds, 3) for name, seconds in self.stages.items()}
        return {"parts": dict(self.parts), "stages": stages}

    def table(self) -> Iterator[str]:
        """Give lines of a table: seconds and shares, those of the stages in relation to the whole, too."""
        whole = sum(self.parts.values()) or 1.0
        for name, seconds in self.parts.items():
            yield f"{name:<12} {seconds:8.2f} s {100 * seconds / whole:5.1f} %"
        for name, seconds in self.stages.items():
            yield f"  {name:<10} {seconds:8.2f} s {100 * seconds / whole:5.1f} %  (side by side with the others)"
