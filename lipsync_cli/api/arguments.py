"""What the public functions take: names of files, callbacks."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from lipsync_cli.errors import LipsyncError, check_name

PathOrText = str | PathLike[str]
Progress = Callable[[int, int | None, str], None]  # done, of how many if known, of what
Notify = Callable[[str], None]  # one line that is of use to every user
OnFailure = Callable[[LipsyncError], None]  # one input of many failed


def ignore(_: object) -> None:
    """Take what is told, and do nothing."""


def collect_failures(on_failure: OnFailure | None) -> tuple[list[LipsyncError], OnFailure]:
    """Return a list, and what puts errors into it and tells of them."""
    failures: list[LipsyncError] = []

    def fail(error: LipsyncError) -> None:
        failures.append(error)
        (on_failure or ignore)(error)

    return failures, fail


def as_path(name: PathOrText) -> Path:
    """Return the path of this name; InputError if no file can have it."""
    path = Path(name)
    check_name(path)
    return path


def as_path_or_none(name: PathOrText | None) -> Path | None:
    """Return the path of this name, None if there is none."""
    return None if name is None else as_path(name)
