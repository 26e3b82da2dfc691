"""A pack to a run folder with weights: everything that `lipsync train` does.

Examples
--------
run(make(TrainJob, pack=["grid.h5"], run="runs/lipgan", epochs=2))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync_cli.config.build import check_values
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.machine.resources import resolve_device, resolve_jobs


@dataclass(frozen=True)
class Place:
    """Which of the processes that share a run this one is, as torchrun numbers them.

    Attributes
    ----------
    rank, size : number of this process, and how many there are
    local : number of this process on its machine
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0


@dataclass(frozen=True)
class TrainResult:
    """What a run has come to.

    Attributes
    ----------
    run : the folder
    weights : the best of the run
    samples : how many it has seen
    figures : everything that is told of it, the last validation's figures among it, JSON-able
    """

    run: Path
    weights: Path
    samples: int
    figures: dict[str, Any]


@keeps_inputs
def run(
    job: TrainJob, place: Place | None = None, *, progress: Progress | None = None, notify: Notify = ignore
) -> TrainResult:
    """Train, or go on with a run that was interrupted.

    Parameters
    ----------
    place : where several processes share the run
    progress : told how many samples are done
    notify : told in words what a user should know

    Raises
    ------
    LipsyncError : as `training.engine.trainer.train`
    """
    check_values(job)
    _check_folder(job.run)
    from lipsync_cli.training.engine.distributed import join, leave
    from lipsync_cli.training.engine.trainer import train

    place = place or Place()
    device = resolve_device(job.device)
    if place.size > 1 and device == "cuda":
        device = f"cuda:{place.local}"
    world = join(place.rank, place.size, device)
    try:
        figures = train(
            job.pack,
            job.run,
            job.config,
            device,
            job.init,
            job.expert,
            progress=progress,
            note=notify,
            jobs=resolve_jobs(job.jobs),
            tensorboard=job.tensorboard,
            world=world,
            transcripts=job.transcripts,
            teacher=job.teacher,
        )
    finally:
        leave()
    return TrainResult(job.run, Path(figures["weights"]), int(figures["samples"]), figures)


@keeps_inputs
def check(job: TrainJob) -> None:
    """Look at what a run would read, as far as it is there already.

    Raises
    ------
    InputError : it cannot be read, or would be lost
    """
    check_values(job)
    _check_folder(job.run)
    from lipsync_cli.formats.joined_pack import open_pack
    from lipsync_cli.formats.weights import find_weights, read_header

    if all(path.exists() for path in job.pack):
        with open_pack(job.pack):
            pass
    for weights in (job.init, job.expert, job.teacher):
        if weights is not None and weights.exists():
            read_header(find_weights(weights))


def _check_folder(run: Path) -> None:
    """Raise InputError if a file that the run writes is one that it reads."""
    from lipsync_cli.runtime.atomic_files import check_no_input
    from lipsync_cli.training.engine.run_folder import WRITTEN

    for name in WRITTEN:
        check_no_input(run / name)
