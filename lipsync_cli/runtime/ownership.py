"""Whose a file is, and new files that nobody can have prepared: where others may write, a name proves nothing."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def create_file(path: Path) -> int:
    """Make a file that was not there, for this user alone, and return its descriptor; no link is followed.

    Raises
    ------
    OSError : it is there already, or cannot be made
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def is_own(status: os.stat_result, folder: Path) -> bool:
    """Tell whether something in `folder` belongs to this user, as the file system there counts users.

    Some file systems give every new file another owner than the process has; there what this user makes is compared.
    """
    if status.st_uid == os.geteuid():
        return True
    trial = folder / f".{secrets.token_hex(16)}.tmp"
    try:
        descriptor = create_file(trial)
    except OSError:
        return False
    try:
        return os.fstat(descriptor).st_uid == status.st_uid
    finally:
        os.close(descriptor)
        trial.unlink(missing_ok=True)


def is_own_file(path: Path) -> bool:
    """Tell whether this is a regular file of this user; what a link leads to is none."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and is_own(status, path.parent)
