"""What a speech synthesiser can be asked for, and a text spoken by one."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, ToolError
from lipsync_cli.media.ffmpeg import complaint
from lipsync_cli.media.tool_process import WRITE_LIMIT_SIGNAL, ToolProcess, check_crash
from lipsync_cli.runtime.atomic_files import FULL
from lipsync_cli.speech.synthesisers.scripts import check_script

_HEADER_BYTES = 44  # of a WAV file: a header and nothing behind it is no sound
_ROOM_BYTES = 8192  # more than what is left of a file's last block


class NotInstalledError(ToolError):
    """A speech synthesiser that is not on this machine."""


@dataclass(frozen=True)
class Voice:
    """Who speaks.

    Attributes
    ----------
    name : of a voice, as the synthesiser knows it; None: its own choice
    language : as a tag, such as de or en-gb; None: that of the voice
    """

    name: str | None = None
    language: str | None = None


ANY_VOICE = Voice()


class Synthesiser(Protocol):
    """A speech synthesiser; plug-ins give one, see `registry.GROUP`.

    Attributes
    ----------
    name : what `--tts` calls it
    """

    name: str

    def examine(self) -> str:
        """Say what was found, such as a version, after trying whether it works.

        Raises
        ------
        NotInstalledError : it is not on this machine
        ToolError : it does not work
        """

    def language_of(self, voice: Voice) -> str | None:
        """Return the language that a voice would speak, as a tag; None: not known."""

    def speak(self, text: str, path: Path, voice: Voice) -> None:
        """Write a text as a WAV file; `path` may exist and is overwritten.

        Raises
        ------
        InputError : there is no such voice, the voice has another language, or the text cannot be said
        UsageError : it needs a voice, and none is given
        ToolError : the program does not work
        """


def speak(synthesiser: Synthesiser, text: str, path: Path, voice: Voice = ANY_VOICE) -> None:
    """Speak a text into a WAV file, and look whether there is one.

    Parameters
    ----------
    path : is overwritten, so give the temporary name of `atomic_output`

    Raises
    ------
    NothingToDoError : the text is empty, or no sound comes of it
    InputError : as `Synthesiser.speak`; it holds a NUL character; the language is written in other letters
    UsageError, ToolError : as `Synthesiser.speak`
    OSError : there is no room for the file
    """
    if not text.strip():
        raise NothingToDoError("the text is empty")
    if "\0" in text:
        raise InputError("the text holds a NUL character", hint="take it out")
    check_script(text, synthesiser.language_of(voice))
    try:
        synthesiser.speak(text, path, voice)
    except LipsyncError as error:
        _check_room(path, error.fact)
        fact = error.fact.replace(str(path), "the file").replace(path.name, "the file")  # a temporary name
        raise type(error)(fact, error.path, error.hint) from error
    except Exception as error:  # a plug-in may raise anything
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{synthesiser.name} cannot say this ({words})") from error
    _check_room(path)
    if not path.is_file() or path.stat().st_size <= _HEADER_BYTES:
        raise NothingToDoError(f"{synthesiser.name} made no sound of this text", hint="try another --voice")


def _check_room(path: Path, words: str = "") -> None:
    """Raise OSError if a file cannot grow: a program says so in words of its own, or keeps it to itself.

    Parameters
    ----------
    words : the program's, which may have removed the file since
    """
    for number in FULL:
        if os.strerror(number) in words:
            raise OSError(number, os.strerror(number))
    if not path.is_file():
        return
    with open(path, "ab", buffering=0) as file:
        size, rest = file.tell(), bytes(_ROOM_BYTES)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        finally:
            file.truncate(size)


def run_program(name: str, command: list[str], text: str = "", hint: str | None = None) -> bytes:
    """Run a synthesiser's program and return what it prints on stdout.

    Parameters
    ----------
    name : for errors
    command : the program's path and its arguments; no shell reads them
    text : given on stdin
    hint : what to do where it refuses

    Raises
    ------
    ToolError : it cannot be started, or crashes
    InputError : it ends with an error
    OSError : it was ended because its file grew beyond the limit for files
    """
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    try:
        process = ToolProcess(command, **pipes)
    except OSError as error:
        raise ToolError(f"{name} cannot be started ({error.strerror or error})", command[0]) from error
    try:
        printed, words = process.communicate(text.encode())
    finally:
        process.end()
    check_crash(process.returncode, name)
    if process.returncode is not None and -process.returncode == WRITE_LIMIT_SIGNAL:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    if process.returncode != 0:
        raise InputError(f"{name} cannot say this ({complaint(words)})", hint=hint)
    return printed
