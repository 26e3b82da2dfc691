"""Text to speech by a program that is installed on the machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError, NothingToDoError, ToolError, UsageError
from lipsync_cli.media.ffmpeg import complaint
from lipsync_cli.media.tool_process import ToolProcess, check_crash

ENGINES = ("espeak-ng", "piper")  # in the order in which they are looked for
HINT = "install espeak-ng (Debian: apt-get install espeak-ng; macOS: brew install espeak-ng) or pip install piper-tts"


def find_engine(name: str = "auto", voice: str | None = None) -> tuple[str, str]:
    """Return name and path of a speech synthesiser on PATH.

    Parameters
    ----------
    name : one of ENGINES; auto: piper if the voice is a file of its own, else the first that is there
    voice : as for `say`

    Raises
    ------
    UsageError : another name
    ToolError : it is not installed, or none is
    """
    if name != "auto" and name not in ENGINES:
        raise UsageError(f"no speech synthesiser is called {name!r}", hint=f"choose from auto, {', '.join(ENGINES)}")
    wanted = (name,) if name != "auto" else ENGINES
    if name == "auto" and voice is not None and voice.endswith(".onnx"):
        wanted = ("piper",)
    for engine in wanted:
        path = shutil.which(engine)
        if path is not None:
            return engine, path
    what = f"the speech synthesiser {wanted[0]} is" if len(wanted) == 1 else "no speech synthesiser is"
    raise ToolError(f"{what} installed", hint=HINT)


def say(text: str, path: Path, engine: str = "auto", voice: str | None = None) -> str:
    """Speak a text into a WAV file; return the engine's name.

    Parameters
    ----------
    path : is overwritten, so give the temporary name of `atomic_output`
    engine : see `find_engine`
    voice : espeak-ng: a voice's name, such as en-gb; piper, which needs one: its .onnx file

    Raises
    ------
    NothingToDoError : the text is empty
    UsageError, ToolError : as `find_engine`
    InputError : the engine refuses the voice or the text
    """
    if not text.strip():
        raise NothingToDoError("the text is empty")
    name, program = find_engine(engine, voice)
    if name == "piper" and voice is None:
        raise UsageError("piper needs a voice", hint="give its .onnx file with --voice")
    if name == "piper":
        arguments = ["--model", str(voice), "--output_file", str(path)]
        text = " ".join(text.split())  # piper takes each line for a file of its own
    else:
        arguments = [*(("-v", voice) if voice is not None else ()), "-b", "1", "--stdin", "-w", str(path)]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    try:
        process = ToolProcess([program, *arguments], **pipes)
    except OSError as error:
        raise ToolError(f"{name} cannot be started ({error.strerror or error})", program, HINT) from error
    try:
        _, words = process.communicate(text.encode())
    finally:
        process.end()
    check_crash(process.returncode, name)
    if process.returncode != 0:
        raise InputError(f"{name} cannot say this ({complaint(words)})", hint="try another --voice")
    if not path.is_file() or path.stat().st_size <= 44:  # a header and nothing behind it
        raise NothingToDoError(f"{name} made no sound of this text", hint="try another --voice")
    return name
