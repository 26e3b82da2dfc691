"""lipsync config: a file with every option of a command, for its --config."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.commands.output.terminal import print_text
from lipsync_cli.commands.output.top_help import module_of
from lipsync_cli.config.build import check_value
from lipsync_cli.config.option import Entry, Option, entries_of

# Those that take --config.
COMMANDS = (
    *("infer", "animate", "live", "train", "score"),
    *("extract-frames", "detect-faces", "mels", "pack", "curves", "say", "export"),
)
_CHOICE = Entry("command", ("command",), Option("", names=("command",), choices=COMMANDS), str, default=None)


def config(
    command: Annotated[
        str,
        typer.Argument(
            help=f"The command that the file is for: {', '.join(COMMANDS)}.",
            show_default=False,
            autocompletion=lambda: list(COMMANDS),
        ),
    ],
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Write a file with every option of a command, for its --config.

    The file is TOML and goes to stdout: each option with its help, its allowed values and its default. Change what you
    like, and leave out the rest. The command line wins over the file, and the file over the defaults. Relative paths in
    it start in the folder where the command runs.

    \b
    Example:
      lipsync config infer > mine.toml
    """
    from lipsync_cli.config.toml_file import write_defaults

    name = check_value(_CHOICE, command)
    cls = find_config(name)
    if json:
        entries = [entry for entry in entries_of(cls) if entry.option.in_file]
        print_result({".".join(entry.key): entry.default for entry in entries}, True)
        return
    print_text(write_defaults(cls, f"Options of lipsync {name}, for --config."), end="")


def find_config(command: str) -> type:
    """Return the configuration of a command by the command's name."""
    module = command.replace("-", "_")
    found: type = getattr(import_module(module_of(command)), module).config_class
    return found
