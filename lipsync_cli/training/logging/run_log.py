"""The run's log as JSON lines (and to TensorBoard), cut back to the checkpoint when a run is resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.json_values import MOST_BYTES, parse_json
from lipsync_cli.runtime.run_inputs import read_input

if TYPE_CHECKING:
    from lipsync_cli.training.logging.tensorboard import TensorBoard

_OLD_DIAGNOSTICS = {  # lines of kind "alarm" in logs of older versions
    "stuck_face": "mode_collapse",
    "deaf": "audio_insensitive",
    "no_gap": "no_sync_gain",
    "critic_at_chance": "chance_level",
}


class Statistics:
    """Collect loss terms step by step and write their means; append whole lines only.

    Parameters
    ----------
    path : log file of the run
    samples_seen : lines past this point belong to steps that will be done again, and are dropped
    board : gets every line too
    writes : False keeps the lines in memory only

    Attributes
    ----------
    lines : what is in the file
    """

    def __init__(self, path: Path, samples_seen: int, board: TensorBoard | None = None, writes: bool = True) -> None:
        self.path, self.board = path, board
        self._sums: dict[str, Any] = {}
        self.lines = [line for line in read_log(path) if line["samples"] <= samples_seen]
        if writes:
            with atomic_output(path, force=True) as temporary:
                temporary.write_text("".join(json.dumps(line) + "\n" for line in self.lines))

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

    def has(self, kind: str, samples: int) -> bool:
        """Say whether there is a line of this kind and moment."""
        return any(line["kind"] == kind and line["samples"] == samples for line in reversed(self.lines))

    def write_means(self, samples: int, constants: dict[str, float]) -> None:
        """Append a line of kind "train": the means since the last one, and constants of the terms that occurred.

        Parameters
        ----------
        constants : chance levels, by the name of the term; written as name + "/chance"
        """
        values: dict[str, float] = {}
        for name, (total, count) in sorted(self._sums.items()):
            values[name] = round(float(total) / count, 6)
            if name in constants:
                values[f"{name}/chance"] = constants[name]
        self._sums = {}
        self.write("train", samples, values)

    def describe_chance_levels(self) -> str:
        """Put the last critic figures into words, each beside what it would be if the critic knew nothing."""
        line: dict[str, Any] = next((line for line in reversed(self.lines) if line["kind"] == "train"), {})
        names = [name for name in line if f"{name}/chance" in line]
        return ", ".join(f"{name} {line[name]:.3g} (chance {line[f'{name}/chance']:.3g})" for name in names)

    def write(self, kind: str, samples: int, values: dict[str, Any]) -> None:
        """Append one line.

        Raises
        ------
        InputError : the disk is full, or the folder is gone
        """
        line = {"kind": kind, "samples": samples, **values}
        try:
            with open(self.path, "a") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror})",
                self.path,
                "the last checkpoint is kept: the same command resumes the run",
            ) from error
        self.lines.append(line)
        if self.board is not None:
            self.board.write(line)


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the whole lines of a log, with the names of today where it is of an older version; none without a file.

    Raises
    ------
    InputError : a line is none of a log, and is not the last one, which a killed run may have cut short
    """
    lines: list[dict[str, Any]] = []
    texts = read_input(path, MOST_BYTES).splitlines() if path.exists() else []
    for number, text in enumerate(texts, 1):
        try:
            line = parse_json(text, path)
        except InputError:
            if number == len(texts):
                break
            line = None
        if not (isinstance(line, dict) and isinstance(line.get("kind"), str) and isinstance(line.get("samples"), int)):
            raise InputError(f"line {len(lines) + 1} is no line of a log", path, "remove it, or name another folder")
        lines.append(_with_names_of_today(line))
    return lines


def _with_names_of_today(line: dict[str, Any]) -> dict[str, Any]:
    """Rename what older versions called an alarm."""
    if line.get("kind") != "alarm":
        return line
    name = line["alarm"]
    rest = {key: value for key, value in line.items() if key not in ("kind", "samples", "alarm")}
    return {"kind": "diagnostic", "samples": line["samples"], "diagnostic": _OLD_DIAGNOSTICS.get(name, name), **rest}
