"""`detect_faces`: clips to boxes and crops of the face in every frame."""

from __future__ import annotations

from pathlib import Path

from lipsync_cli.api.arguments import (
    OnFailure,
    PathOrText,
    Progress,
    as_path,
    collect_failures,
)
from lipsync_cli.api.results import FacesResult


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
    detector : "hog"; "mmod", a network that finds turned and small faces, slow without a GPU; or "mtcnn"
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
    from lipsync_cli.config.build import make
    from lipsync_cli.pipelines.detect_faces import DetectFacesConfig, run

    failures, fail = collect_failures(on_failure)
    config = make(
        DetectFacesConfig,
        source=as_path(source),
        output=as_path(output),
        detector=detector,
        size=size,
        jobs=jobs,
        force=force,
    )
    found = run(config, progress=progress, on_failure=fail).report
    return FacesResult(Path(output), found["clips"], found["frames"], found["frames_without_face"], tuple(failures))
