"""The command `lipsync`: registers the verbs in workflow order and turns errors into one line and an exit code.

No logic lives here, and nothing heavy is imported: `lipsync -h` has to answer at once.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from lipsync_cli import __version__
from lipsync_cli.commands.detect_faces import detect_faces
from lipsync_cli.commands.doctor import doctor
from lipsync_cli.commands.export import export
from lipsync_cli.commands.extract_frames import extract_frames
from lipsync_cli.commands.infer import infer
from lipsync_cli.commands.info import info
from lipsync_cli.commands.mels import mels
from lipsync_cli.commands.pack import pack
from lipsync_cli.commands.say import say
from lipsync_cli.commands.score import score
from lipsync_cli.commands.train import train
from lipsync_cli.errors import LipsyncError, check_name

VERBS: dict[str, Callable[..., None]] = {
    "extract-frames": extract_frames,
    "detect-faces": detect_faces,
    "mels": mels,
    "pack": pack,
    "train": train,
    "export": export,
    "say": say,
    "infer": infer,
    "score": score,
    "info": info,
    "doctor": doctor,
}  # in the order of the work

app = typer.Typer(
    name="lipsync",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"lipsync {__version__}")
        raise typer.Exit()


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Make a face in a video or a photo speak given words, and train the networks that do it.

    The verbs are listed in the order of the work; each one reads files and writes one.

    \b
    Example:
      lipsync infer face.mp4 speech.wav
    """


def tell(error: BaseException, verbose: bool) -> int:
    """Say an error on stderr in one line, with the traceback above it if `verbose`, and return its exit code."""
    if verbose:
        traceback.print_exception(error)
    if isinstance(error, LipsyncError):
        code, text = error.exit_code, str(error)
    elif isinstance(error, KeyboardInterrupt):
        code, text = 130, "interrupted"
    elif isinstance(error, OSError) and error.strerror:
        code, text = 3, (f"{error.filename}: " if error.filename else "") + error.strerror
    else:
        fact = " ".join(str(error).split())
        code, text = 1, f"unexpected {type(error).__name__}: {fact}; run it again with -v for the traceback"
    print(f"lipsync: {text}", file=sys.stderr, flush=True)
    return code


def with_exit_codes(function: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: whatever it raises becomes one line on stderr and the exit code of its kind."""

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        try:
            for value in options.values():
                if isinstance(value, Path):
                    check_name(value)
            function(*args, **options)
        except typer.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has left: Typer ends quietly
            raise typer.Exit(tell(error, bool(options.get("verbose")))) from None

    return command


def _leave_files_to_readers(function: Callable[..., None]) -> Callable[..., None]:
    """Keep Typer from testing files: those who read them say in one line what is wrong, and it is no wrong option."""
    function.__annotations__ = inspect.get_annotations(function, eval_str=True)
    for annotation in function.__annotations__.values():
        for entry in getattr(annotation, "__metadata__", ()):
            entry.readable = False
    return function


for _verb, _function in VERBS.items():
    app.command(_verb)(with_exit_codes(_leave_files_to_readers(_function)))


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # unwinds, so that temporary files go and child processes end


def _fill_closed_streams() -> None:
    """Open what a job scheduler has closed: files opened later would get these numbers, and programs write there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def main() -> None:
    """Run the command line."""
    _fill_closed_streams()
    signal.signal(signal.SIGTERM, _terminate)
    app(prog_name="lipsync")
