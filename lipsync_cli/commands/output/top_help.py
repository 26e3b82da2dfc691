"""What `lipsync -h` prints. It needs nothing of Typer, whose import takes longer than all the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from textwrap import wrap

COMMANDS: dict[str, str] = {
    "extract-frames": "Write clips as numbered frames, sound, and their times.",
    "detect-faces": "Find the face in every frame, and store its box and crop.",
    "mels": "Compute the log-mel spectrogram of every clip, and its speech features if they are wanted.",
    "pack": "Join faces and mels into one training file with a split.",
    "train": "Train a generator, or a network beside it; by default LipGAN as in its thesis.",
    "curves": "Draw the logs of several runs in one picture.",
    "export": "Write a generator as ONNX, and check that it generates the same.",
    "say": "Speak a text into a sound file, for infer.",
    "infer": "Make the face say the speech.",
    "animate": "Make a still talk: draw the whole face anew in every frame.",
    "live": "Make a presenter say what comes in, while it comes.",
    "swap": "Put the face of another person on a head of a video.",
    "score": "Measure generated faces, with baselines beside every figure.",
    "info": "Say what is in a file, as JSON.",
    "doctor": "Say what is installed, what works, and what mends the rest.",
    "config": "Write a file with every option of a command, for its --config.",
}  # in the order of the work; the first line of each command's own help
# Of commands that do not lie in `commands/` itself.
FOLDERS = {"curves": "training", "live": "streams", "animate": "whole_faces", "swap": "faces"}
HELP_OPTIONS = ("-h", "--help")
VERSION_HELP = "Print the version and stop."
OPTIONS = {
    "--version": VERSION_HELP,
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    ", ".join(HELP_OPTIONS): "Show this message and exit.",
}
ABOUT = (
    "Make a face in a video or a photo speak given words, and train the networks that do it.",
    "The commands are listed in the order of the work; each one reads files and writes one.",
)
EXAMPLE = "lipsync infer face.mp4 speech.wav"
MOST_COLUMNS, LEAST_COLUMNS = 78, 50


def make_help(columns: int | None = None) -> str:
    """Return the help.

    Parameters
    ----------
    columns : the longest line; None: what the terminal has, within limits
    """
    if columns is None:
        columns = max(LEAST_COLUMNS, min(_terminal_columns() - 2, MOST_COLUMNS))
    lines = ["Usage: lipsync [OPTIONS] COMMAND [ARGS]...", ""]
    for text in ABOUT:
        lines += [*wrap(text, columns, initial_indent="  ", subsequent_indent="  "), ""]
    lines += ["  Example:", f"    {EXAMPLE}", "", "Options:", *_table(OPTIONS.items(), columns)]
    return "\n".join([*lines, "", "Commands:", *_table(COMMANDS.items(), columns)])


def module_of(command: str) -> str:
    """Return the full name of the module that holds a command."""
    parts = ["lipsync_cli.commands", FOLDERS.get(command, ""), command.replace("-", "_")]
    return ".".join(part for part in parts if part)


def _terminal_columns() -> int:
    """Return the width of the terminal as `shutil.get_terminal_size` does, whose import takes longer than the help."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _table(rows: Iterable[tuple[str, str]], columns: int) -> Iterable[str]:
    """Give the lines of a table of two columns."""
    rows = list(rows)
    indent = max(len(name) for name, _ in rows) + 4
    for name, text in rows:
        first, *others = wrap(text, columns - indent)
        yield f"  {name:<{indent - 2}}{first}"
        yield from (" " * indent + line for line in others)
