"""A folder of results: every figure as JSON Lines, the table, the box plots, the sample sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.scoring.report.text_table import make_lines, make_records

if TYPE_CHECKING:
    from lipsync_cli.scoring.report.sample_sheet import Sheet
    from lipsync_cli.scoring.results.scores import Scores

LINES, TABLE, BOXES, SHEET = "scores.jsonl", "table.txt", "boxes.png", "samples.png"


def check_folder(folder: Path, force: bool = False) -> None:
    """Raise InputError if the results could not be written into this folder; it is made if only its parent exists."""
    if folder.is_dir():
        for name in (LINES, TABLE, BOXES, SHEET):
            check_output(folder / name, force)
    elif folder.exists():
        raise InputError("is a file, a folder is to be written", folder, "name a folder, or a file that ends in .jsonl")
    else:
        check_output(folder, force)


def write_folder(
    folder: Path, scores: Scores, table: str, heading: str, sheet: Sheet | None = None, force: bool = False
) -> list[Path]:
    """Write the results of a score into a folder, each file whole or not at all.

    Parameters
    ----------
    table : the text table
    heading : what was scored, in a line; for the plots
    sheet : sample crops, if there are any

    Returns
    -------
    the files written
    """
    from lipsync_cli.scoring.report.plots import plot_boxes, plot_sheet

    check_folder(folder, force)
    folder.mkdir(exist_ok=True)
    write_text(folder / LINES, make_lines(make_records(scores)), force)
    write_text(folder / TABLE, table + "\n", force)
    with atomic_output(folder / BOXES, force) as temporary:
        plot_boxes(scores, temporary, heading)
    if sheet is None:
        return [folder / LINES, folder / TABLE, folder / BOXES]
    with atomic_output(folder / SHEET, force) as temporary:
        plot_sheet(sheet, temporary, heading)
    return [folder / LINES, folder / TABLE, folder / BOXES, folder / SHEET]


def write_text(path: Path, text: str, force: bool = False) -> None:
    """Write a text file whole or not at all."""
    with atomic_output(path, force) as temporary:
        temporary.write_text(text, encoding="utf-8")
