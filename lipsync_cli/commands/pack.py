"""lipsync pack: faces and mels to one training file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import common
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result


def pack(
    faces: Annotated[Path, typer.Argument(help="What detect-faces wrote.", show_default=False)],
    mels: Annotated[Path, typer.Argument(help="What mels wrote.", show_default=False)],
    output: Annotated[Path, typer.Argument(help="HDF5 file to write.", show_default=False)],
    test_per_speaker: Annotated[
        int,
        typer.Option(
            min=0, help="Clips of each speaker for the test: the last by name. None from a speaker with no more."
        ),
    ] = 20,
    validation_per_speaker: Annotated[
        int,
        typer.Option(min=0, help="Clips of each speaker for validation: those before the test's, by the same rule."),
    ] = 0,
    train_per_speaker: Annotated[
        int | None,
        typer.Option(
            min=1, help="Clips of each speaker for training, spread evenly.", show_default="all that are left"
        ),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--test-speaker",
            "--hold-out",
            help="Speaker whose every clip is for the test; may be given again.",
            show_default=False,
        ),
    ] = None,
    validation_speaker: Annotated[
        list[str] | None,
        typer.Option(help="Speaker whose every clip is for validation; may be given again.", show_default=False),
    ] = None,
    split_above: Annotated[
        int, typer.Option(min=0, help="Speakers with at most so many clips keep all for training.")
    ] = 0,
    mouths: Annotated[
        bool,
        typer.Option(
            "--mouths", help="Measure the mouth in every crop, for the recipe speech-embedding (needs [models])."
        ),
    ] = False,
    force: common.Force = False,
    dry_run: common.DryRun = False,
    json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    r"""Join faces and mels into one training file with a split.

    Each clip goes to train, validation or test. Clips are joined by speaker and name; one that is in one of the two
    files only costs one line and exit code 5.

    \b
    Example:
      lipsync pack faces.h5 mels.h5 grid.h5 --test-per-speaker 20
    """
    from lipsync_cli.preprocessing.pack import Split
    from lipsync_cli.preprocessing.pack import pack as join

    split = Split(
        test_per_speaker,
        validation_per_speaker,
        train_per_speaker,
        tuple(hold_out or ()),
        tuple(validation_speaker or ()),
        split_above,
    )
    with Progress(quiet, verbose) as progress:
        report = join(
            faces,
            mels,
            output,
            split,
            force=force,
            dry_run=dry_run,
            progress=progress.update,
            on_failure=progress.failure,
            note=progress.note,
            mouths=mouths,
        )
    print_result({"output": str(output), **report}, json, None if dry_run else output)
    progress.raise_if_failed(report["clips"] + report["failed"])
