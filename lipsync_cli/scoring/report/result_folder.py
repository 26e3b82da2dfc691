"""A folder of results: every figure as JSON Lines, the table, the box plots, the sample sheet."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.scoring.report.text_table import make_lines, make_records

if TYPE_CHECKING:
    from lipsync_cli.scoring.report.sample_sheet import Sheet
    from lipsync_cli.scoring.results.scores import Scores

LINES, TABLE, BOXES, SHEET = RESULTS = ("scores.jsonl", "table.txt", "boxes.png", "samples.png")
Rename = Callable[[Path, Path], None]


def check_folder(folder: Path, force: bool = False) -> None:
    """Raise InputError if the results could not be written into this folder; it is made if only its parent exists."""
    if folder.is_dir():
        for name in RESULTS:
            check_output(folder / name, force)
    elif folder.exists():
        raise InputError("is a file, a folder is to be written", folder, "name a folder, or a file that ends in .jsonl")
    else:
        check_output(folder, force)


def write_folder(
    folder: Path, scores: Scores, table: str, heading: str, sheet: Sheet | None = None, force: bool = False
) -> list[Path]:
    """Write the results of a score into a folder, all of them or none.

    Parameters
    ----------
    table : the text table
    heading : what was scored, in a line; for the plots
    sheet : sample crops, if there are any

    Returns
    -------
    the files written

    Raises
    ------
    InputError : they cannot be written; the folder is as it was
    """
    from lipsync_cli.scoring.report.plots import plot_boxes, plot_sheet

    check_folder(folder, force)
    staging = (folder if folder.is_dir() else folder.parent) / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    try:
        staging.mkdir()
        write_text(staging / LINES, make_lines(make_records(scores)))
        write_text(staging / TABLE, table + "\n")
        with atomic_output(staging / BOXES) as temporary:
            plot_boxes(scores, temporary, heading)
        if sheet is not None:
            with atomic_output(staging / SHEET) as temporary:
                plot_sheet(sheet, temporary, heading)
        folder.mkdir(exist_ok=True)
        names = [name for name in RESULTS if (staging / name).exists()]
        replace_files(staging, folder, names)
    except InputError as error:
        raise InputError(error.fact, folder, error.hint) from error
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror or error})", folder, "choose another output") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [folder / name for name in names]


def replace_files(staging: Path, folder: Path, names: list[str], rename: Rename = os.rename) -> None:
    """Move new results into their folder in the place of all that an earlier run has left there, or change nothing.

    Parameters
    ----------
    staging : folder of the new files, on the same file system
    names : of the new files
    rename : moves a file

    Raises
    ------
    OSError : a file cannot be moved; those that were moved are back
    """
    aside = staging / "before"
    aside.mkdir()
    done: list[tuple[Path, Path]] = []
    moves = [(folder / name, aside / name) for name in RESULTS if os.path.lexists(folder / name)]
    moves += [(staging / name, folder / name) for name in names]
    try:
        for one, other in moves:
            rename(one, other)
            done.append((one, other))
    except BaseException:  # Ctrl-C, too
        for one, other in reversed(done):
            os.rename(other, one)
        raise


def write_text(path: Path, text: str, force: bool = False) -> None:
    """Write a text file whole or not at all."""
    with atomic_output(path, force) as temporary:
        temporary.write_text(text, encoding="utf-8")
