"""The part of `lipsync infer` that makes many films of one presenter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result
from lipsync_cli.errors import InputError, NothingToDoError, UsageError

if TYPE_CHECKING:
    from lipsync_cli.synthesis.infer import Result
    from lipsync_cli.synthesis.messages import Message
    from lipsync_cli.synthesis.task import Task


def infer_messages(
    speeches: list[Path],
    listing: Path | None,
    folder: Path | None,
    prepare: Callable[..., Task],
    make: Callable[[Task], Result],
    progress: Progress,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Make a film of each speech named and of each line of the list; print their paths as they are done.

    Parameters
    ----------
    folder : for the films; made if it is not there
    prepare, make : as for `make_messages`
    """
    from lipsync_cli.synthesis.messages import make_messages

    if folder is None:
        raise UsageError("several speeches need a folder for the films", hint="name one with -o")
    messages = _collect(speeches, listing, folder, progress)
    num_lines = len(messages) + progress.num_failures
    if not messages and not progress.num_failures:
        raise NothingToDoError("the list is empty", listing)
    if dry_run:
        ready = sum(message.output.exists() for message in messages) if not force else 0
        planned = {"output": str(folder), "messages": len(messages), "to_make": len(messages) - ready, "ready": ready}
        print_result(planned, json)
        progress.raise_if_failed(num_lines, "messages")
        return
    _make_folder(folder)
    report = make_messages(
        messages,
        prepare,
        make,
        force,
        on_failure=progress.failure,
        on_skip=lambda message: progress.note(f"{message.output}: exists and is kept; --force makes it again"),
        on_done=lambda message, result: None if json else print(message.output, flush=True),
    )
    if json:
        lists = {name: [str(path) for path in paths] for name, paths in vars(report).items()}
        print_result({"output": str(folder), **lists, "failed": progress.num_failures}, json)
    progress.raise_if_failed(num_lines, "messages")


def _collect(speeches: list[Path], listing: Path | None, folder: Path, progress: Progress) -> list[Message]:
    from lipsync_cli.synthesis.messages import name_messages, read_messages

    if listing is None:
        return name_messages(speeches, folder)
    if speeches:
        raise UsageError("speeches are named and --messages, too", hint="give one of the two")
    if str(listing) == "-":
        return read_messages(sys.stdin, "-", Path(), folder, progress.failure)
    try:
        with open(listing, encoding="utf-8") as lines:
            return read_messages(lines, str(listing), listing.parent, folder, progress.failure)
    except FileNotFoundError:
        raise InputError("no such file", listing) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", listing) from error


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file; of several speeches, films are written into a folder", folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", folder, "make its parent folder first") from error
