"""Options that mean the same wherever they appear, and what their values stand for."""

from __future__ import annotations

import os
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.errors import ToolError, UsageError

Output = Annotated[Path | None, typer.Option("-o", "--output", help="The file to write.", show_default=False)]
Force = Annotated[bool, typer.Option("-f", "--force", help="Overwrite the output if it exists.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr; show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Check the inputs, print what would be done, and stop.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", min=1, help="Worker processes or threads.", show_default="one per core"),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Vtln = Annotated[
    str,
    typer.Option(
        "--vtln",
        help="Vocal tract length normalisation: bring a voice's formants to where those of the voices lie that the "
        "weights know. auto where that makes it clearly more like them, off, or by how much they lie higher, such as "
        "1.1 (a woman's, for weights that know men).",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random choice.")]

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d*)?)s?)?", re.ASCII)
MIN_VTLN, MAX_VTLN = 0.7, 1.4
SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


def cache_folder() -> Path:
    """Return the folder for what can be computed again: LIPSYNC_CACHE, else where the platform keeps such things."""
    if named := os.environ.get("LIPSYNC_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "lipsync" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lipsync"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "lipsync"


def resolve_jobs(jobs: int | None) -> int:
    """Return the number of workers: what was asked for, else one per core that this process may use."""
    if jobs is not None:
        return jobs
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def resolve_device(name: str) -> str:
    """Return the torch device's name for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises
    ------
    UsageError : the name is none of these
    ToolError : there is no such CUDA device
    """
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdecimal())):
        raise UsageError(f"no device is called {name!r}", hint="use auto, cpu, cuda or cuda:N")
    if kind == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto":
        return "cuda" if count else "cpu"
    if int(number or 0) >= count:
        raise ToolError(f"there is no device {name}: {count} CUDA devices found", hint="use --device cpu")
    return name


def parse_vtln(text: str) -> float | None:
    """Return the factor in "off" (1) or a number, None for "auto"; UsageError for anything else."""
    if text in ("auto", "off"):
        return None if text == "auto" else 1.0
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not MIN_VTLN <= factor <= MAX_VTLN:
        hint = f"give auto, off, or a number from {MIN_VTLN} to {MAX_VTLN}"
        raise UsageError(f"--vtln {text!r} is no such factor", hint=hint)
    return factor


def parse_time(text: str, option: str) -> Fraction:
    """Return the seconds in "12.5", "1:02.5" or "01:02:03.250", exactly; UsageError if it is none of these."""
    parts = text.split(":")
    if not (1 <= len(parts) <= 3 and all(part.isdecimal() for part in parts[:-1]) and SECONDS.fullmatch(parts[-1])):
        raise UsageError(f"{option} {text!r} is no time", hint="give seconds, such as 12.5, or hours:minutes:seconds")
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction(part)
    return total


def parse_duration(text: str, option: str) -> float:
    """Return the seconds in "20s", "1m", "1m30s", "1h" or "90"; UsageError if it is none of these, or nothing."""
    found = DURATION.fullmatch(text.strip())
    parts = [float(part or 0) for part in found.groups()] if found is not None else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise UsageError(f"{option} {text!r} is no length of time", hint="give one such as 20s, 1m or 1m30s")
    return seconds
