"""lipsync info: what is in a file, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.output.terminal import print_json, print_text
from lipsync_cli.errors import UsageError


def info(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Store, weights, run folder, folder of frames, or media file.", show_default="the embedded weights"
        ),
    ] = None,
    detect_synthetic: Annotated[
        bool,
        typer.Option(
            "--detect-synthetic", help="Look for traces of a drawn mouth in a video, without its original, instead."
        ),
    ] = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Say what is in a file, as JSON.

    --json puts it on one line. Without a file: the version, the tools that are found, the architectures with their
    numbers of parameters, and the weights that come with the package.

    --detect-synthetic says instead, in words, whether the mouth in a video looks drawn: score, threshold and limits.
    It is no proof. --json gives the figures behind it.

    \b
    Example:
      lipsync info grid.h5
      lipsync info --detect-synthetic film.mp4
    """
    if detect_synthetic:
        from lipsync_cli.pipelines import detect_synthetic as detector

        if file is None:
            raise UsageError("--detect-synthetic needs a video", hint="name one")
        report = detector.detect_synthetic(file)
        if json:
            print_json(report.to_dict(), as_ascii=False)
        else:
            print_text(report.to_text())
        return
    from lipsync_cli.pipelines.describe import describe, describe_program

    summary = describe_program() if file is None else describe(file)
    print_json(summary, None if json else 2, as_ascii=False)
