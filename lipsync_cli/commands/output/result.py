"""What a command prints on stdout: its result, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def print_result(result: dict[str, Any], as_json: bool, path: str | Path | None = None) -> None:
    """Print the result of a command.

    Parameters
    ----------
    result : what is printed as one JSON object with --json
    as_json : whether --json was given
    path : what is printed without --json; if None, `result` as lines of `name: value`
    """
    if as_json:
        print(json.dumps(result, default=str, allow_nan=False), flush=True)
    elif path is not None:
        print(path, flush=True)
    else:
        for name, value in result.items():
            print(f"{name}: {value}", flush=True)
