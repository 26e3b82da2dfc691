"""lipsync info: what is in a file, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.output.terminal import print_json


def info(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Store, weights, run folder, folder of frames, or media file.", show_default="the embedded weights"
        ),
    ] = None,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Say what is in a file, as JSON.

    --json puts it on one line. Without a file: the version, the tools that are found, the architectures with their
    numbers of parameters, and the weights that come with the package.

    \b
    Example:
      lipsync info grid.h5
    """
    from lipsync_cli.pipelines.describe import describe, describe_program

    summary = describe_program() if file is None else describe(file)
    print_json(summary, None if json else 2, as_ascii=False)
