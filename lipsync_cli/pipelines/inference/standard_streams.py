"""`infer` in a pipe: what comes from standard input, and a video that goes to standard output.

The whole sound has to be known before the first frame is drawn: its loudness, its pauses, its length. So stdin is read
to its end into a temporary file, which is then an input as any other; the video leaves as it is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from lipsync_cli.errors import InputError, NothingToDoError, ToolError, UsageError
from lipsync_cli.media.sound.raw_sound import RawSound
from lipsync_cli.media.video.pipe_output import PipeOutput
from lipsync_cli.pipelines.callbacks import Notify
from lipsync_cli.pipelines.configs.infer import FileOptions, InferConfig
from lipsync_cli.pipelines.configs.stream import StreamOptions
from lipsync_cli.runtime.run_inputs import keep_inputs
from lipsync_cli.runtime.temporary import HINT, temporary_folder

PIPE = Path("-")  # stands for stdin or stdout
STDIN = "standard input"  # in messages
NAME = "stdin"  # of the temporary file, and thus in the name of a video that is given none
BLOCK = 1 << 16


def find_stream(config: InferConfig, descriptor: int | None) -> PipeOutput | None:
    """Return the pipe that the video goes to, None if it goes to a file.

    Parameters
    ----------
    descriptor : of standard output

    Raises
    ------
    UsageError : it is a terminal, or an option needs a file
    """
    if config.files.output != PIPE:
        if config.stream.container != StreamOptions().container:
            raise UsageError("--format goes with -o -", hint="a file's name says its format, such as -o out.mkv")
        return None
    needs_file = {
        "--resume": config.performance.resume,
        "--keep-tracks": config.files.keep_tracks,
        "--sidecar": config.marking.sidecar,
        "--credentials": config.marking.credentials,
        "--no-mark": config.marking.no_mark is not None,
    }
    for name, is_given in needs_file.items():
        if is_given:
            raise UsageError(f"{name} does not go with -o -", hint="write the video to a file: -o out.mp4")
    if descriptor is None or os.isatty(descriptor):
        raise UsageError("-o - would write the video to the terminal", hint="add > out.mp4, or | and a program")
    return PipeOutput(descriptor, config.stream.container)


@contextmanager
def with_stdin(config: InferConfig, stdin: BinaryIO | None, notify: Notify) -> Iterator[tuple[InferConfig, Notify]]:
    """Give a configuration that names files only, and what tells notes by the names that the user knows.

    Parameters
    ----------
    stdin : what "-" stands for among the inputs; it is read to its end

    Raises
    ------
    UsageError : "-" stands where it cannot, or stdin is a terminal
    InputError : nothing comes; or, from the block, what came is wrong
    """
    files = config.files
    is_face, is_speech = files.face == PIPE, PIPE in files.speech
    _check(config, is_face, is_speech)
    if not is_face and not is_speech:
        yield config, notify
        return
    if stdin is None or stdin.isatty():
        what = "a video or a photo" if is_face else "sound"
        raise UsageError("- reads standard input, which is a terminal", hint=f"give it {what}: < FILE, or a pipe")
    raw = None
    if config.stream.rate is not None:
        raw = RawSound(config.stream.rate, config.stream.pcm_format, config.stream.channels)
    with temporary_folder("lipsync-stdin-") as folder:
        kept = folder / NAME
        save_stream(stdin, kept, raw)
        named = replace(files, face=kept) if is_face else replace(files, speech=(kept,), output=_name(files))
        with keep_inputs([kept]), _told_as(kept) as rename:
            yield replace(config, files=named), lambda text: notify(rename(text))


def check_no_pipe(config: InferConfig) -> None:
    """Raise UsageError if one of the inputs or the output of several speeches is a pipe."""
    if config.files.output == PIPE:
        raise UsageError("several speeches make several videos", hint="name a folder for them with -o")
    if config.files.face == PIPE or PIPE in config.files.speech:
        raise UsageError("- is for a face and one speech", hint="save what it gives in a file")


def save_stream(stream: BinaryIO, path: Path, raw: RawSound | None = None) -> None:
    """Write what a stream gives into a file; raw sound gets the header of a WAV.

    Raises
    ------
    InputError : it gives nothing, or there is no room
    """
    num_bytes = 0
    try:
        with open(path, "wb") as file:
            if raw is not None:
                file.write(raw.header())
            while block := stream.read(BLOCK):
                file.write(block)
                num_bytes += len(block)
            if raw is not None:
                whole = num_bytes // raw.frame_bytes * raw.frame_bytes
                file.truncate(len(raw.header()) + whole)
                file.seek(0)
                file.write(raw.header(whole))
    except OSError as error:
        raise InputError(f"cannot be kept in {path.parent} ({error.strerror or error})", STDIN, HINT) from error
    if not num_bytes:
        raise InputError("is empty", STDIN, "look what the program before it says")


def _check(config: InferConfig, is_face: bool, is_speech: bool) -> None:
    """Raise UsageError where "-" stands for something that is not read from a pipe."""
    files, voice = config.files, config.voice
    if is_face and is_speech:
        raise UsageError("- is given twice, and there is one standard input", hint="save one of the two in a file")
    if PIPE in (voice.driving_audio, voice.final_audio):
        raise UsageError("- is for the face or the speech", hint="save the other sound in a file")
    if config.face.speaker and (is_speech or any(each.endswith("=-") for each in config.face.speaker)):
        raise UsageError("--speaker takes files", hint="save the sound in a file")
    if is_face and files.output is None:
        raise UsageError("a face from standard input gives the video no name", hint="name it: -o out.mp4, or -o -")
    if config.stream.rate is not None and not is_speech:
        raise UsageError("--rate is of raw sound from standard input", hint="give - as the speech")


def _name(files: FileOptions) -> Path:
    """Return the output's name; a video that is given none lies beside the face."""
    return files.output or files.face.parent / f"{files.face.stem}.{NAME}.mp4"


@contextmanager
def _told_as(kept: Path) -> Iterator[Callable[[str], str]]:
    """Name standard input in the block's errors instead of the file that it was kept in; give what renames in notes."""

    def rename(text: str) -> str:
        return text.replace(str(kept), STDIN)

    try:
        yield rename
    except (InputError, NothingToDoError, ToolError, UsageError) as error:
        if str(kept) not in str(error):
            raise
        path = None if error.path is None else rename(str(error.path))
        raise type(error)(rename(error.fact), path, error.hint and rename(error.hint)) from error
