"""Clips to boxes and crops of the face in every frame: everything that `lipsync detect-faces` does.

Examples
--------
run(make(DetectFacesConfig, source="grid/", output="faces.h5"))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.build import check_values
from lipsync_cli.config.cluster import cluster_option
from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shard import find_shard, shard_option
from lipsync_cli.config.shared_options import force_option, jobs_option
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.callbacks import Notify, OnFailure, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.machine.resources import resolve_jobs

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

HOG, MTCNN = "hog", "mtcnn"  # the second gives boxes in the geometry of the first


@dataclass(frozen=True)
class DetectFacesConfig:
    """Everything that decides a file of faces."""

    source: Path = argument("Folder of clips, folder made by extract-frames, or one clip.")
    output: Path = argument("HDF5 file to write.", writes=True)
    detector: str = option(
        "hog; mmod, a network that finds turned and small faces, slow without a GPU; or mtcnn, three small networks "
        "(lipsync-cli[mtcnn]).",
        HOG,
        panel="face",
        choices=(HOG, "mmod", MTCNN),
    )
    detector_weights: Path | None = option(
        "Weights of the mmod detector.", None, panel="face", shown="those of lipsync-cli[models]"
    )
    keyframe_interval: int | None = option(
        "Frames from one detection to the next.", None, panel="face", least=1, shown="the crop rule's"
    )
    every_frame: bool = option("Detect in every frame.", False, panel="face")
    head: bool = option(
        "Crops of the whole head, with landmarks and the mask of the face, for the recipe face-swap (needs [models]).",
        False,
        panel="face",
    )
    smooth: str = option(
        "How boxes are smoothed over time: gaussian, or kalman, a Kalman filter run forth and back. Neither lags.",
        "gaussian",
        panel="face",
        choices=("gaussian", "kalman"),
    )
    size: int | None = option(
        "Side of the crops in pixels.", None, panel="quality", least=32, most=1024, shown="96; with --head 192"
    )
    raw: bool = option("Store the crops' pixels instead of JPEG.", False, panel="quality")
    quality: int = option("Of JPEG crops.", 95, panel="quality", least=1, most=100)
    jobs: int | None = jobs_option()
    shard: str | None = shard_option("clips")
    cluster: str | None = cluster_option()
    force: bool = force_option()


@dataclass(frozen=True)
class DetectPlan:
    """What would be looked through.

    Attributes
    ----------
    clips : how many there are
    output : the file
    crop_rule : how the faces would be found and cut out
    """

    clips: int
    output: Path
    crop_rule: CropRule


@dataclass(frozen=True)
class DetectResult:
    """What was found.

    Attributes
    ----------
    output : the file
    clips, failed : how many clips are in it, and how many are not
    report : everything that is told of it, JSON-able
    """

    output: Path
    clips: int
    failed: int
    report: dict[str, Any]


@keeps_inputs
def run(
    config: DetectFacesConfig,
    *,
    progress: Progress | None = None,
    on_failure: OnFailure = ignore,
    notify: Notify = ignore,
) -> DetectResult:
    """Find the faces.

    Parameters
    ----------
    progress : told how many clips are done
    on_failure : told of each clip that fails; the others are done
    notify : told in words what a user should know of a clip

    Raises
    ------
    LipsyncError : as `preprocessing.detect_faces.collect_faces`
    """
    from lipsync_cli.preprocessing.detect_faces import collect_faces
    from lipsync_cli.runtime.processes.dask_cluster import open_runner

    with open_runner(config.cluster) as do_tasks:
        report = collect_faces(
            config.source,
            config.output,
            _find_rule(config),
            quality=config.quality,
            raw=config.raw,
            head=config.head,
            detector=MTCNN if config.detector == MTCNN else None,
            detector_weights=config.detector_weights,
            jobs=resolve_jobs(config.jobs),
            force=config.force,
            progress=progress,
            on_failure=on_failure,
            notify=notify,
            shard=find_shard(config.shard),
            run=do_tasks,
        )
    return DetectResult(config.output, report["clips"], report["failed"], report)


@keeps_inputs
def plan(config: DetectFacesConfig, *, on_failure: OnFailure = ignore, notify: Notify = ignore) -> DetectPlan:
    """Look at the clips and say what `run` would do; nothing is written."""
    from lipsync_cli.preprocessing.find_clips import find_share
    from lipsync_cli.runtime.atomic_files import check_output

    rule = _find_rule(config)
    clips = find_share(config.source, find_shard(config.shard), on_failure=on_failure, notify=notify)
    check_output(config.output, config.force)
    return DetectPlan(len(clips), config.output, rule)


def _find_rule(config: DetectFacesConfig) -> CropRule:
    from lipsync_cli.faces.aligned.alignment import HEAD_RULE
    from lipsync_cli.faces.crop import CropRule

    check_values(config)
    if config.every_frame and config.keyframe_interval not in (None, 1):
        raise UsageError("--every-frame and --keyframe-interval exclude each other")
    geometry = HOG if config.detector == MTCNN else config.detector
    rule = replace(HEAD_RULE if config.head else CropRule(), detector=geometry, smoothing=config.smooth)
    rule = rule if config.size is None else replace(rule, size=config.size)
    interval = 1 if config.every_frame else config.keyframe_interval
    return rule if interval is None else replace(rule, keyframe_interval=interval)
