"""How whole jobs tell their caller what goes on."""

from __future__ import annotations

from collections.abc import Callable

from lipsync_cli.errors import LipsyncError

Progress = Callable[[int, "int | None", str], None]  # done, of how many if known, of what
Notify = Callable[[str], None]  # one line that is of use to every user
OnFailure = Callable[[LipsyncError], None]  # one input of many failed


def ignore(_: object) -> None:
    """Take what is told, and do nothing."""
