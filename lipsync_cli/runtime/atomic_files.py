"""Files appear whole or not at all: written under a private name in the same folder, synced, renamed."""

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_cli.errors import InputError, UsageError

MAX_NAME_BYTES = 190  # of an output; file systems take 255
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room for what is written


def check_output(path: Path, force: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if the output exists without `force`, is one of the inputs, or its folder cannot be written."""
    path = Path(path)
    if str(path) == "-":
        raise UsageError("this cannot be written to standard output", hint="name a file")
    length = len(os.fsencode(path.name))
    if length > MAX_NAME_BYTES:  # names on the way to it are longer
        raise InputError(
            f"its name has {length} bytes, at most {MAX_NAME_BYTES} are taken", path, "choose a shorter one"
        )
    if path.is_dir():
        raise InputError("is a folder, a file is to be written", path, "name a file")
    if path.exists() and not force:
        raise InputError("exists", path, "use --force to overwrite it")
    if path.exists() and any(each.exists() and path.samefile(each) for each in inputs):
        raise InputError("is an input of this command, too, and would be lost", path, "name another output")
    if not path.parent.is_dir():
        raise InputError("no such folder for the output", path.parent, "create it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError("the folder cannot be written", path.parent, "choose another output")


@contextmanager
def atomic_output(path: Path, force: bool = False) -> Iterator[Path]:
    """Give a temporary name beside `path`; on success sync it and rename it to `path`, else remove it.

    The temporary name keeps the suffix, because encoders choose the container by it. What an earlier, killed run of the
    same output left behind is removed.
    """
    path = Path(path)
    check_output(path, force)
    _remove_stale(path)
    with private_file(path) as temporary:
        try:
            yield temporary
            os.chmod(temporary, 0o666 & ~_umask())  # some writers make private files
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            hint = "make room and run it again" if error.errno in FULL else "choose another output"
            raise InputError(f"cannot be written ({error.strerror or error})", path, hint) from error


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path` for a step on the way to it; what stands there is removed at the end.

    What a killed run leaves is removed by the next `atomic_output` of the same path.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
    except InputError as error:  # a writer knows the private name only
        if error.path is None or Path(error.path) != temporary:
            raise
        raise InputError(error.fact, path, error.hint) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove_stale(path: Path) -> None:
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.(\d+)-[0-9a-f]{{8}}\.tmp{re.escape(path.suffix)}")
    for name in os.listdir(path.parent):
        match = pattern.fullmatch(name)
        if match and not _is_alive(int(match[1])):
            (path.parent / name).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
