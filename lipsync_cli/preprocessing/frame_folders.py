"""Folders of frames: what belongs into one, how one grows beside its final name, and when one may be replaced."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.preprocessing.find_clips import FRAMES_RECORD, FRAMES_SOUND
from lipsync_cli.runtime.atomic_files import is_alive
from lipsync_cli.runtime.json_values import check_object, check_type, read_json
from lipsync_cli.runtime.ownership import is_own
from lipsync_cli.runtime.run_inputs import is_input

FORMAT = "lipsync-frames"
JPG, PNG = "jpg", "png"
VERSION = 1
CONTENT = re.compile(rf"\d{{6,}}\.(jpg|png)|{re.escape(FRAMES_RECORD)}|{re.escape(FRAMES_SOUND)}")


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a folder that extract-frames made; raise InputError if it is damaged or of another version."""
    path = folder / FRAMES_RECORD
    try:
        record = check_object(read_json(path), "it")
        found, version = record["format"], record["format_version"]
        check_type(record["num_frames"], int, "num_frames")
        if check_type(record["image"], dict[str, Any], "image").get("format") not in (JPG, PNG):
            raise InputError(f"image has no format that is {JPG} or {PNG}")
    except (InputError, KeyError) as error:
        raise InputError("is no readable record of frames", path, "extract them again") from error
    if found != FORMAT or version != VERSION:
        raise InputError(f"is {found} version {version}, {FORMAT} version {VERSION} is needed", path)
    return record


def check_replaceable(folder: Path) -> None:
    """Raise InputError if anything but what extract-frames has written would be lost with a folder."""
    hint = "move it away, or choose another output"
    if folder.is_symlink() or not folder.is_dir():
        what = "a link" if folder.is_symlink() else "a file"
        raise InputError(f"is {what}, where a folder of frames is to be written", folder, hint)
    try:
        record = read_record(folder)
        known = {f"{number:06d}.{record['image']['format']}" for number in range(record["num_frames"])}
    except (InputError, KeyError, TypeError):
        raise InputError("exists, and was not made by extract-frames", folder, hint) from None
    known |= {FRAMES_RECORD, FRAMES_SOUND}
    for path in sorted(folder.iterdir()):
        if path.name not in known or not stat.S_ISREG(path.lstat().st_mode):
            raise InputError(f"holds {path.name}, which extract-frames has not made", folder, hint)
        if is_input(path):
            raise InputError("is an input of this command, too, and would be lost", path, "name another output")


@contextlib.contextmanager
def growing_folder(folder: Path) -> Iterator[Path]:
    """Give a new, private folder beside `folder`, which takes its name at the end; without success it is removed.

    A folder that is there is replaced if it is one of extract-frames: it stands aside until the new one has its name.

    Raises
    ------
    InputError : what is there may not be replaced
    """
    partial, aside = _beside(folder), _beside(folder)
    try:
        partial.mkdir(mode=0o700)
    except FileNotFoundError:  # another part of the same work has removed the speaker's folder, which was empty
        folder.parent.mkdir(exist_ok=True)
        partial.mkdir(mode=0o700)
    try:
        yield partial
        if os.path.lexists(folder):
            check_replaceable(folder)
            os.rename(folder, aside)
        os.chmod(partial, stat.S_IMODE(folder.parent.stat().st_mode) & 0o777)
        os.rename(partial, folder)
    finally:
        for each in (partial, aside):
            remove_frames(each)


def remove_frames(folder: Path) -> None:
    """Remove what extract-frames writes from a folder, and the folder, if nothing else is in it; never an input."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return
        for path in folder.iterdir():
            if CONTENT.fullmatch(path.name) and not is_input(path):
                path.unlink()
        folder.rmdir()


def remove_unfinished(folders: Iterable[Path]) -> None:
    """Remove what runs that are no longer at work have left of these folders as they were growing.

    Those of other clips stay: another machine may be at work on them, whose processes cannot be seen here.
    """
    folders = set(folders)
    for parent in {folder.parent for folder in folders}:
        if not parent.is_dir():
            continue
        for path in parent.iterdir():
            match = re.fullmatch(r"\.(.+)\.(\d+)-[0-9a-f]{16}\.partial", path.name)
            is_ours = match is not None and parent / match[1] in folders
            if match and is_ours and not is_alive(int(match[2])) and is_own(path.lstat(), parent):
                remove_frames(path)


def _beside(folder: Path) -> Path:
    """Name a place where a clip's folder grows; nobody else can know it before."""
    return folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(8)}.partial")
