"""What a command prints on stdout: its result, and nothing else; beside a video on stdout it goes to stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lipsync_cli.commands.output.terminal import print_json, print_line


def print_result(result: dict[str, Any], as_json: bool, path: str | Path | None = None, *, error: bool = False) -> None:
    """Print the result of a command.

    Parameters
    ----------
    result : what is printed as one JSON object with --json
    as_json : whether --json was given
    path : what is printed without --json; if None, `result` as lines of `name: value`
    error : print it on stderr
    """
    if as_json:
        print_json(result, error=error)
    elif path is not None:
        print_line(path, error)
    else:
        for name, value in result.items():
            print_line(f"{name}: {value}", error)
