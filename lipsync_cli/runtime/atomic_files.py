"""Files appear whole or not at all: written under a private name in the same folder, synced, renamed."""

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.runtime.ownership import create_file, is_own_file
from lipsync_cli.runtime.run_inputs import identify, is_input

MAX_NAME_BYTES = 190  # of an output; file systems take 255
RANDOM_BYTES = 8  # of a temporary name
_private: set[Path] = set()  # temporary files that are there now
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room for what is written


def check_output(path: Path, force: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if the output exists without `force`, is an input of the run, or its folder cannot be written.

    A link without a file counts as one that exists; a device, a pipe or a socket is never replaced.

    Parameters
    ----------
    inputs : what is read, beside the files that the run keeps by `keep_inputs`
    """
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
    if path.exists() and not path.is_file():
        raise InputError("is a device, a pipe or a socket, and is not replaced", path, "name a file")
    if os.path.lexists(path) and not force:
        raise InputError("exists", path, "use --force to overwrite it")
    check_no_input(path, inputs)
    if path.parent.exists() and not path.parent.is_dir():
        raise InputError("is no folder for the output", path.parent, "choose another output")
    if not path.parent.is_dir():
        raise InputError("no such folder for the output", path.parent, "create it first")
    if not takes_files(path.parent):
        raise InputError("the folder cannot be written", path.parent, "choose another output")


def takes_files(folder: Path) -> bool:
    """Tell whether a file can be made in a folder: of some, such as /proc, permissions alone promise too much."""
    if not os.access(folder, os.W_OK):
        return False
    try:
        os.close(os.open(folder, os.O_WRONLY | os.O_CLOEXEC | getattr(os, "O_TMPFILE", 0), 0o600))  # without a name
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            return True  # to be told, if it lasts, where the file itself is made
        trial = folder / f".{secrets.token_hex(RANDOM_BYTES)}.tmp"
        try:
            os.close(create_file(trial))
        except OSError:
            return False
        trial.unlink(missing_ok=True)
    return True


def check_no_input(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if a file that would be replaced is an input, under this or another name."""
    identity = identify(path)
    if identity is not None and (is_input(path) or any(identify(each) == identity for each in inputs)):
        raise InputError("is an input of this command, too, and would be lost", path, "name another output")


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
            _publish(temporary, path, force)
            _sync_folder(path.parent)
        except FileExistsError:
            raise InputError("exists", path, "another run has just made it; use --force to overwrite it") from None
        except OSError as error:
            hint = "make room and run it again" if error.errno in FULL else "choose another output"
            raise InputError(f"cannot be written ({error.strerror or error})", path, hint) from error


def claim_output(path: Path, force: bool = False) -> None:
    """Make an empty file for an output that grows under its own name, so that no other run takes it.

    With `force`, what stands there is removed before: of a link, the link.

    Raises
    ------
    InputError : as `check_output`, or another run has just made it
    """
    check_output(path, force)
    try:
        if force:
            path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        raise InputError("exists", path, "another run has just made it; use --force to overwrite it") from None
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", path, "choose another output") from error


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path` for a step on the way to it; what stands there is removed at the end.

    What a killed run leaves is removed by the next `atomic_output` of the same path.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(RANDOM_BYTES)}.tmp{path.suffix}")
    try:
        os.close(create_file(temporary))
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", path, "choose another output") from error
    _private.add(temporary)
    try:
        yield temporary
    except InputError as error:  # a writer knows the private name only
        if error.path is None or Path(error.path) != temporary:
            raise
        raise InputError(error.fact, path, error.hint) from error
    finally:
        with suppress(OSError):  # its folder was removed or may not be written any more, and that is told already
            temporary.unlink(missing_ok=True)
        _private.discard(temporary)


def remove_private_files() -> None:
    """Remove every temporary file of this process, which is about to end without coming to it in good order."""
    for path in list(_private):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path, force: bool) -> None:
    """Give a file its name; FileExistsError if another run has taken the name since, and it is not to be replaced."""
    if not force:
        try:
            os.link(temporary, path)  # the only rename that fails where the name is taken
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    os.replace(temporary, path)


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
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.(\d+)-([0-9a-f]{{2}})+\.tmp{re.escape(path.suffix)}")
    for name in os.listdir(path.parent):
        match, place = pattern.fullmatch(name), path.parent / name
        if match and not is_alive(int(match[1])) and is_own_file(place) and not is_input(place):
            place.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this number is at work."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
