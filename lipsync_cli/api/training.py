"""`train`: a pack to a run folder with weights."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from lipsync_cli.api.arguments import Notify, PathOrText, Progress, as_path, as_path_or_none, ignore
from lipsync_cli.api.results import TrainResult


def train(
    pack: PathOrText | Sequence[PathOrText],
    run: PathOrText,
    *,
    recipe: str = "lipgan",
    init: PathOrText | None = None,
    expert: PathOrText | None = None,
    transcripts: PathOrText | None = None,
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
    notify: Notify | None = None,
    **options: Any,
) -> TrainResult:
    """Train a network from a pack into a run folder; the same call goes on with a run that was interrupted.

    Parameters
    ----------
    pack : made by `lipsync pack`, or several that hold different clips
    run : folder for checkpoints, log, curves, sample grids and the model card
    recipe : what is minimised, such as "lipgan", "l1", "l1wgan-gp"
    init : weights to start from; None: fresh ones
    expert : weights of the sync expert, for recipes that use one; None: those of the package
    transcripts : folder of SPEAKER/CLIP.align, for recipes that need it
    device : "auto", "cpu", "cuda" or "cuda:N"
    jobs : threads that decode; what is learned does not depend on it
    progress : called with (samples done, of how many or None, of what)
    notify : called with what a user should know, a line each
    options : everything else that decides the run, by the names of `training.config.TrainConfig`, such as
        generator="compact", batch_size=32, epochs=5, learning_rate=1e-4, seed=10

    Raises
    ------
    UsageError : there is no such option, or it cannot have this value
    InputError : the pack cannot be read, or the folder holds a run of other options or data
    NothingToDoError : the pack has no usable frames
    ToolError : the device is missing
    StoppedError : a signal came; the run is saved
    """
    from lipsync_cli.config.build import make
    from lipsync_cli.pipelines.configs.train import TrainJob
    from lipsync_cli.pipelines.train import TrainResult as Trained
    from lipsync_cli.pipelines.train import run as run_training

    job = make(
        TrainJob,
        pack=[as_path(each) for each in ([pack] if isinstance(pack, str | PathLike) else pack)],
        run=as_path(run),
        recipe=recipe,
        init=as_path_or_none(init),
        expert=as_path_or_none(expert),
        transcripts=as_path_or_none(transcripts),
        device=device,
        jobs=jobs,
        **options,
    )
    made: Trained = run_training(job, progress=progress, notify=notify or ignore)
    return TrainResult(made.run, made.weights, made.samples, made.figures)
