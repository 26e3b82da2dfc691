"""lipsync mels: clips to log-mel spectrograms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import common
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result


def mels(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder of clips or sound files, folder made by extract-frames, or one file.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Argument(help="HDF5 file to write.", show_default=False)],
    features: Annotated[str, typer.Option(help="What to make: mel, or mel,encoder for speech features, too.")] = "mel",
    variants: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Altered copies of each sound (other voices, noise, music, telephone) that get speech features, too, "
            "for training.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the altered copies.")] = 10,
    jobs: common.Jobs = None,
    force: common.Force = False,
    dry_run: common.DryRun = False,
    json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    r"""Compute the log-mel spectrogram of every clip, and its speech features if they are wanted.

    Sound is brought to 16 kHz mono and starts at the clip's first video frame; a sound file beside a clip of the same
    name is not used. A clip that fails costs one line and exit code 5; the others are done. A run that was killed goes
    on where it was when the same command is given again.

    \b
    Example:
      lipsync mels grid/ mels.h5
    """
    from lipsync_cli.preprocessing.find_clips import FRAMES, SOUND, VIDEO, find_clips
    from lipsync_cli.preprocessing.mels import collect_mels
    from lipsync_cli.runtime.atomic_files import check_output
    from lipsync_cli.runtime.run_inputs import keep_inputs

    with Progress(quiet, verbose) as progress:
        if dry_run:
            clips = find_clips(source, (VIDEO, FRAMES, SOUND), progress.failure)
            with keep_inputs([source]):
                check_output(output, force)
            print_result({"clips": len(clips), "output": str(output)}, json)
            return
        report = collect_mels(
            source,
            output,
            jobs=common.resolve_jobs(jobs),
            force=force,
            progress=progress.update,
            on_failure=progress.failure,
            features=tuple(name.strip() for name in features.split(",")),
            variants=variants,
            seed=seed,
        )
    print_result({"output": str(output), **report}, json, output)
    progress.raise_if_failed(report["clips"] + report["failed"])
