"""The logs of several runs as one picture: everything that `lipsync curves` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lipsync_cli.config.build import check_values
from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.pipelines.configs.curves import DEFAULT, CurvesConfig
from lipsync_cli.pipelines.configs.guard import keeps_inputs


@keeps_inputs
def draw_curves(config: CurvesConfig) -> dict[str, Any]:
    """Draw the logs.

    Returns
    -------
    output, and how many runs and panels the picture has

    Raises
    ------
    UsageError : the names do not fit the runs
    InputError : a run cannot be read, or the picture not be written
    NothingToDoError : nothing was logged
    """
    from lipsync_cli.runtime.atomic_files import check_output
    from lipsync_cli.training.engine.run_folder import LOG
    from lipsync_cli.training.logging.compared_curves import compare_logs, draw_compared
    from lipsync_cli.training.logging.run_log import read_log

    check_values(config)
    output = config.output or DEFAULT
    if output.suffix.lower() != ".png":
        raise UsageError(f"-o {output} is no name of a PNG file", hint="give a name that ends in .png")
    check_output(output, config.force)
    names = _find_names(config.runs, config.name)
    logs = {}
    for name, run in zip(names, config.runs, strict=True):
        log = run / LOG if run.is_dir() else run
        if not log.is_file():
            raise InputError("is no run folder: it has no log.jsonl", run, "name run folders of lipsync train")
        logs[name] = read_log(log)
    panels = compare_logs(logs)
    if not panels:
        raise NothingToDoError("nothing was logged yet", config.runs[0], "wait for 50 steps")
    draw_compared(panels, list(logs), output, config.force)
    return {"output": str(output), "runs": len(logs), "panels": len(panels)}


def _find_names(runs: Sequence[Path], given: Sequence[str]) -> list[str]:
    """Return a name for each run: those that are given, or as much of their paths as tells them apart."""
    if given:
        if len(given) != len(runs) or len(set(given)) < len(given):
            hint = "give each run a name of its own, in their order"
            raise UsageError(f"--name is given {len(given)} times for {len(runs)} runs", hint=hint)
        return list(given)
    folders = [run if run.is_dir() else run.parent for run in runs]
    short = [folder.resolve().name for folder in folders]
    names = [name if short.count(name) == 1 else str(folder) for name, folder in zip(short, folders, strict=True)]
    if len(set(names)) < len(names):
        raise UsageError("a run is named twice", hint="name each once")
    return names
