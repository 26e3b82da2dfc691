"""lipsync detect-faces: clips to boxes and crops of the face in every frame."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands import options
from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result


class DetectorName(str, Enum):
    """The face detectors."""

    hog = "hog"
    mmod = "mmod"


def detect_faces(
    source: Annotated[
        Path, typer.Argument(help="Folder of clips, folder made by extract-frames, or one clip.", show_default=False)
    ],
    output: Annotated[Path, typer.Argument(help="HDF5 file to write.", show_default=False)],
    detector: Annotated[
        DetectorName,
        typer.Option(help="hog, or mmod: a network that finds turned and small faces, slow without a GPU."),
    ] = DetectorName.hog,
    detector_weights: Annotated[
        Path | None, typer.Option(help="Weights of the mmod detector.", show_default="those of lipsync-cli[models]")
    ] = None,
    keyframe_interval: Annotated[
        int | None,
        typer.Option(min=1, help="Frames from one detection to the next.", show_default="the crop rule's"),
    ] = None,
    every_frame: Annotated[bool, typer.Option("--every-frame", help="Detect in every frame.")] = False,
    size: Annotated[int, typer.Option(min=32, max=1024, help="Side of the crops in pixels.")] = 96,
    raw: Annotated[bool, typer.Option("--raw", help="Store the crops' pixels instead of JPEG.")] = False,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG crops.")] = 95,
    jobs: options.Jobs = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Find the face in every frame, and store its box and crop.

    It is the largest steady face of each clip. Every frame keeps its row; one without a face has no box. A clip
    that fails costs one line and exit code 5; the others are done. A run that was killed goes on where it was when
    the same command is given again.

    \b
    Example:
      lipsync detect-faces grid/ faces.h5
    """
    from dataclasses import replace

    from lipsync_cli.data.discover import find_clips
    from lipsync_cli.data.faces import collect_faces
    from lipsync_cli.errors import UsageError
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.output import check_output

    if every_frame and keyframe_interval not in (None, 1):
        raise UsageError("--every-frame and --keyframe-interval exclude each other")
    rule = CropRule(detector=detector.value, size=size)
    interval = 1 if every_frame else keyframe_interval
    if interval is not None:
        rule = replace(rule, keyframe_interval=interval)
    with Progress(quiet, verbose) as progress:
        if dry_run:
            clips = find_clips(source, on_failure=progress.failure)
            check_output(output, force)
            print_result({"clips": len(clips), "output": str(output), "crop_rule": rule.to_dict()}, json)
            return
        report = collect_faces(
            source,
            output,
            rule,
            quality=quality,
            raw=raw,
            detector_weights=detector_weights,
            jobs=options.resolve_jobs(jobs),
            force=force,
            progress=progress.update,
            on_failure=progress.failure,
        )
    print_result({"output": str(output), **report}, json, output)
    progress.raise_if_failed(report["clips"] + report["failed"])
