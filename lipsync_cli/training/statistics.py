"""The run's log as JSON lines, cut back to the checkpoint when a run goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lipsync_cli.output import atomic_output


class Statistics:
    """Collect loss terms step by step and write their means; append whole lines only.

    Parameters
    ----------
    path : log file of the run
    samples_seen : lines past this point belong to steps that will be done again, and are dropped
    """

    def __init__(self, path: Path, samples_seen: int) -> None:
        self.path = path
        self._sums: dict[str, Any] = {}
        kept = [line for line in _lines(path) if line["samples"] <= samples_seen] if path.exists() else []
        with atomic_output(path, force=True) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def add(self, terms: dict[str, Any]) -> None:
        """Add the terms of one step: numbers or 0-d tensors (not waited for until they are written)."""
        for name, value in terms.items():
            value = value.detach() if hasattr(value, "detach") else value
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def pending(self) -> dict[str, list[float]]:
        """Give the sums and counts that are not yet written, for the checkpoint."""
        return {name: [float(total), count] for name, (total, count) in self._sums.items()}

    def restore(self, pending: dict[str, list[float]]) -> None:
        """Take up the sums of a checkpoint."""
        self._sums = {name: (total, count) for name, (total, count) in pending.items()}

    def write(self, kind: str, samples: int, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """Append one line: the means since the last one if no values are given."""
        if values is None:
            values = {name: round(float(total) / count, 6) for name, (total, count) in sorted(self._sums.items())}
            self._sums = {}
        line = {"kind": kind, "samples": samples, **values}
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return line


def _lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:  # the last line of a killed run may be cut short
            break
    return lines
