"""lipsync extract-frames: clips to numbered images, sound and a record of times."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import common
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result


class ImageFormat(str, Enum):
    """What the frames are stored as."""

    jpg = "jpg"
    png = "png"


def extract_frames(
    source: Annotated[Path, typer.Argument(help="Folder of clips, or one clip.", show_default=False)],
    output: Annotated[Path, typer.Argument(help="Folder to write, one folder a clip in it.", show_default=False)],
    image_format: Annotated[ImageFormat, typer.Option("--format", help="Of the images: jpg, or png without loss.")] = (
        ImageFormat.jpg
    ),
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG images.")] = 95,
    jobs: common.Jobs = None,
    force: common.Force = False,
    dry_run: common.DryRun = False,
    json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    r"""Write clips as numbered frames, sound, and their times.

    The frames of clip NAME of SPEAKER are OUTPUT/SPEAKER/NAME/000000.jpg and so on, every one that is shown, none
    twice; beside them lie speech.wav (16 kHz, mono) and frames.json with each frame's time. detect-faces and mels
    take the folder in place of the clips. Folders that are complete are kept, so the same command goes on where it
    was.

    \b
    Example:
      lipsync extract-frames grid/ frames/
    """
    from lipsync_cli.preprocessing.find_clips import VIDEO, find_clips
    from lipsync_cli.preprocessing.frames import extract_frames

    with Progress(quiet, verbose) as progress:
        if dry_run:
            clips = find_clips(source, (VIDEO,), progress.failure)
            print_result({"clips": len(clips), "output": str(output)}, json)
            return
        report = extract_frames(
            source,
            output,
            image_format=image_format.value,
            quality=quality,
            jobs=common.resolve_jobs(jobs),
            force=force,
            progress=progress.update,
            on_failure=progress.failure,
        )
    print_result({"output": str(output), **report}, json, output)
    progress.raise_if_failed(report["clips"] + report["failed"])
