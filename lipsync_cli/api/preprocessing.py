"""`detect_faces`: clips to boxes and crops of the face in every frame."""

from __future__ import annotations

from pathlib import Path

from lipsync_cli.api.arguments import (
    OnFailure,
    PathOrText,
    Progress,
    as_path,
    check_choice,
    check_range,
    collect_failures,
)
from lipsync_cli.api.results import FacesResult

DETECTORS = ("hog", "mmod")


def detect_faces(
    source: PathOrText,
    output: PathOrText,
    *,
    detector: str = "hog",
    size: int = 96,
    jobs: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
) -> FacesResult:
    """Find the largest steady face in every frame of clips, and store its box and crop in one HDF5 file.

    A clip that cannot be read is left out and told of; what was found before an interruption is used again.

    Parameters
    ----------
    source : a folder of clips (one folder a speaker), a folder made by `lipsync extract-frames`, or one clip
    output : the file to write
    detector : "hog", or "mmod": a network that finds turned and small faces, slow without a GPU
    size : side of the square crops in pixels, 32 to 1024
    jobs : worker processes
    force : whether the output may exist
    progress : called with (clips done, of how many, of what)
    on_failure : called with the error of each clip that fails

    Raises
    ------
    UsageError : an option has a value that it cannot have
    InputError : the source cannot be read, or the output exists
    NothingToDoError : there are no clips
    ToolError : FFmpeg or the detector is missing
    """
    check_choice("detector", detector, DETECTORS)
    check_range("size", size, 32, 1024)
    check_range("jobs", jobs, 1, None)
    from lipsync_cli.data.faces import collect_faces
    from lipsync_cli.faces.crop import CropRule

    failures, fail = collect_failures(on_failure)
    found = collect_faces(
        as_path(source),
        as_path(output),
        CropRule(detector=detector, size=size),
        jobs=jobs,
        force=force,
        progress=progress,
        on_failure=fail,
    )
    return FacesResult(
        Path(output), found["clips"], found["frames"], found["frames_without_face"], failures=tuple(failures)
    )
