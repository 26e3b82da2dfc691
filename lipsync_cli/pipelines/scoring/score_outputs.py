"""Where scores go: a folder, a file of JSON Lines, standard output; looked at before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.pipelines.configs.score import STDOUT, ScoreConfig


def is_lines(output: Path) -> bool:
    """Tell whether the scores are to be JSON Lines, rather than a folder."""
    return output == STDOUT or output.suffix == ".jsonl"


def check_report(report: Path, force: bool) -> None:
    """Look at the name of the report before any work is done."""
    from lipsync_cli.runtime.atomic_files import check_output

    if report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {report} is no name of an HTML file", hint="give a name that ends in .html")
    check_output(report, force)


def check_boxes(boxes: Path, force: bool) -> None:
    """Look at the name of the box plots before any work is done."""
    from lipsync_cli.runtime.atomic_files import check_output

    if boxes.suffix.lower() != ".png":
        raise UsageError(f"--boxes {boxes} is no name of a PNG file", hint="give a name that ends in .png")
    check_output(boxes, force)


def check_outputs(config: ScoreConfig) -> None:
    """Look at everything that would be written; UsageError or InputError where it cannot be."""
    from lipsync_cli.runtime.atomic_files import check_no_input, check_output
    from lipsync_cli.runtime.run_inputs import is_input_folder
    from lipsync_cli.scoring.report.result_folder import check_folder

    output = config.output
    if config.name:
        raise UsageError("--name is for several .jsonl files", hint="the weights' own name is used")
    if config.shard is not None and (output is None or output == STDOUT):
        raise UsageError("--shard needs -o", hint="name what the run without --shard will write")
    if config.shard is not None and (config.table or config.report is not None or config.boxes is not None):
        hint = "give them to the run without --shard, which has all clips"
        raise UsageError("--shard goes without --table, --report and --boxes", hint=hint)
    if output is not None and output != STDOUT:
        if is_lines(output):
            check_output(output, config.force)
        else:
            check_no_input(output)
            if is_input_folder(output):
                raise InputError("is an input of this command, too", output, "name another output")
            check_folder(output, config.force)
    if config.report is not None:
        check_report(config.report, config.force)
    if config.boxes is not None:
        check_boxes(config.boxes, config.force)
    if config.table and output is not None:
        raise UsageError(
            "--table and -o both give the figures",
            hint="use -o first, then lipsync score SCORES.jsonl --table " + config.table,
        )


def find_kept(output: Path | None) -> Path | None:
    """Name the place beside which finished clips are kept; a folder's own name may be taken by the folder."""
    if output is None or output == STDOUT:
        return None
    if is_lines(output):
        return output
    folder = Path(os.path.abspath(output))  # `.` has no name
    return folder.parent / f"{folder.name}.scores"
