"""A folder of results: every figure as JSON Lines, the table, the box plots, the sample sheet.

They are made in a private folder inside it, and moved from there. Before the first is moved, a journal says which are
new: if the process is killed amid the moves, the next run that writes there makes them whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output, check_no_input, check_output
from lipsync_cli.runtime.resumable import work_folder
from lipsync_cli.scoring.report.text_table import make_lines, make_records

if TYPE_CHECKING:
    from lipsync_cli.scoring.report.sample_sheet import Sheet
    from lipsync_cli.scoring.results.scores import Scores

LINES, TABLE, BOXES, SHEET = RESULTS = ("scores.jsonl", "table.txt", "boxes.png", "samples.png")
STAGING, JOURNAL = ".results.new", "names"  # where new files are until all are there, and which of them replace the old
Rename = Callable[[Path, Path], None]


def check_folder(folder: Path, force: bool = False) -> None:
    """Raise InputError if the results could not be written into this folder; it is made if only its parent exists.

    What a killed run has left there is made whole, or removed if it was not complete.
    """
    if folder.is_dir():
        for name in RESULTS:
            check_no_input(folder / name)
        if os.path.lexists(folder / STAGING):
            with work_folder(folder / STAGING):
                _recover(folder / STAGING, folder)
        for name in RESULTS:
            check_output(folder / name, force)
    elif folder.exists() and not folder.is_dir():  # another run may have made it just now
        raise InputError("is a file, a folder is to be written", folder, "name a folder, or a file that ends in .jsonl")
    else:
        check_output(folder, force)


def write_folder(
    folder: Path, scores: Scores, table: str, heading: str, sheet: Sheet | None = None, force: bool = False
) -> list[Path]:
    """Write the results of a score into a folder, all of them or none; another run that writes there is waited for.

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
    if not folder.is_dir():
        check_folder(folder, force)
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with work_folder(folder / STAGING, waits=True):
            return _write(folder, scores, table, heading, sheet, force)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror or error})", folder, "choose another output") from error
    finally:
        if is_new:
            with suppress(OSError):  # it holds results
                folder.rmdir()


def _write(folder: Path, scores: Scores, table: str, heading: str, sheet: Sheet | None, force: bool) -> list[Path]:
    from lipsync_cli.scoring.report.plots import plot_boxes, plot_sheet

    staging = folder / STAGING
    _recover(staging, folder)
    for name in RESULTS:
        check_output(folder / name, force)
    try:
        write_text(staging / LINES, make_lines(make_records(scores)))
        write_text(staging / TABLE, table + "\n")
        with atomic_output(staging / BOXES) as temporary:
            plot_boxes(scores, temporary, heading)
        if sheet is not None:
            with atomic_output(staging / SHEET) as temporary:
                plot_sheet(sheet, temporary, heading)
        names = [name for name in RESULTS if (staging / name).exists()]
        replace_files(staging, folder, names)
    except InputError as error:
        raise InputError(error.fact, folder, error.hint) from error
    finally:
        _clear(staging)
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
    write_text(staging / JOURNAL, "\n".join(names))
    try:
        for one, other in moves:
            rename(one, other)
            done.append((one, other))
    except BaseException:  # Ctrl-C, too
        for one, other in reversed(done):
            os.rename(other, one)
        (staging / JOURNAL).unlink()
        raise


def _recover(staging: Path, folder: Path) -> None:
    """Go on with the moves of a run that was killed amid them, and remove what else it has left."""
    if (staging / JOURNAL).exists():
        names = (staging / JOURNAL).read_text(encoding="utf-8", errors="replace").split("\n")
        for name in RESULTS:
            if name not in names:
                (folder / name).unlink(missing_ok=True)
            elif (staging / name).exists():
                os.replace(staging / name, folder / name)
    _clear(staging)


def _clear(staging: Path) -> None:
    (staging / JOURNAL).unlink(missing_ok=True)  # first: what is left without it does not count
    for path in staging.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str, force: bool = False) -> None:
    """Write a text file whole or not at all."""
    with atomic_output(path, force) as temporary:
        temporary.write_text(text, encoding="utf-8")
