"""What the machine offers: a folder for the cache, processor cores, devices."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.shared_options import check_device
from lipsync_cli.errors import MEMORY_HINT, ToolError, UsageError
from lipsync_cli.runtime.atomic_files import takes_files

LEAST_MEMORY_MIB = 512  # the libraries alone take half of it


def check_memory() -> None:
    """Raise ToolError where the process is allowed too little memory for any command.

    Libraries end it, or send it signals, where they get none; this comes before they are imported.
    """
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        allowed, _ = resource.getrlimit(kind)
        if allowed != resource.RLIM_INFINITY and allowed < LEAST_MEMORY_MIB << 20:
            fact = f"the memory does not suffice ({allowed >> 20} MiB are allowed, {LEAST_MEMORY_MIB} are needed)"
            raise ToolError(fact, hint=MEMORY_HINT)


def cache_folder() -> Path | None:
    """Return the folder for what can be computed again: LIPSYNC_CACHE, else where the platform keeps such things.

    None: the user has no home, and names no other folder.
    """
    if named := os.environ.get("LIPSYNC_CACHE"):
        return Path(named)
    named = os.environ.get("XDG_CACHE_HOME", "")
    if sys.platform != "darwin" and os.path.isabs(named):
        return Path(named) / "lipsync"
    try:
        home = Path.home()
    except RuntimeError:  # neither in the environment nor in the system's list of users
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "lipsync"


def find_cache(folder: Path | None, notify: Callable[[str], None]) -> Path | None:
    """Return the folder of the cache, made if it is not there; None, after one word of it, where it cannot be used."""
    if folder is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fact = None if os.access(folder, os.R_OK | os.X_OK) and takes_files(folder) else "permission denied"
    except OSError as error:
        fact = str(error.strerror or error).lower()
    if fact is None:
        return folder
    notify(f"{folder}: the cache cannot be used, what is found out is not kept ({fact})")
    return None


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
    try:
        check_device(name)
    except ValueProblemError as problem:
        raise UsageError(problem.fact, hint=problem.hint) from None
    if name == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if count else "cpu"
    if int(name.partition(":")[2] or 0) >= count:
        raise ToolError(f"there is no device {name}: {count} CUDA devices found", hint="use --device cpu")
    return name
