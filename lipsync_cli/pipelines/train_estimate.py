"""How long a training would take on this device, measured in its first steps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lipsync_cli.config.build import check_values
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.machine.resources import resolve_device, resolve_jobs
from lipsync_cli.runtime.temporary import temporary_folder

STEPS = 20
WARM_UP = 5  # first steps that are not counted: memory is taken, and kernels are chosen


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes
    ----------
    device : of the measurement
    samples, steps : of the whole run
    seconds_per_step : mean of the steps that were counted
    samples_per_second : the same, the other way round
    hours : for all steps, without validations, sample grids and checkpoints
    """

    device: str
    samples: int
    steps: int
    seconds_per_step: float
    samples_per_second: float
    hours: float


class _EnoughError(Exception):
    """Ends the training that is measured."""


@keeps_inputs
def estimate(
    job: TrainJob,
    *,
    progress: Progress | None = None,
    notify: Notify = ignore,
    clock: Callable[[], float] = time.monotonic,
) -> Estimate:
    """Train a few steps in a folder that is gone afterwards, and tell how long all of them would take.

    Parameters
    ----------
    progress : told how many of the measured steps are done
    notify : told in words what a user should know
    clock : seconds, from any moment

    Raises
    ------
    LipsyncError : as `training.engine.trainer.train`
    """
    check_values(job)
    from lipsync_cli.training.engine.trainer import train

    device = resolve_device(job.device)
    moments: list[float] = []
    totals: list[int] = []

    def tell(done: int, total: int | None, label: str) -> None:
        if label != "training" or total is None:
            return
        _wait_for(device)
        moments.append(clock())
        totals.append(total)
        if progress is not None:
            progress(len(moments), STEPS, "estimate")
        if len(moments) == STEPS:
            raise _EnoughError

    config = replace(job.config, max_minutes=None)
    with temporary_folder() as folder, contextlib.suppress(_EnoughError):
        train(
            job.pack,
            folder / "run",
            config,
            device,
            job.init,
            job.expert,
            progress=tell,
            note=notify,
            jobs=resolve_jobs(job.jobs),
            transcripts=job.transcripts,
            plot=lambda log, path: None,
        )
    counted = moments[WARM_UP - 1 :] if len(moments) > WARM_UP else moments
    step_s = (counted[-1] - counted[0]) / max(1, len(counted) - 1)
    steps = totals[-1] // config.batch_size
    rate = config.batch_size / step_s if step_s else 0.0
    return Estimate(device, totals[-1], steps, round(step_s, 4), round(rate, 1), round(steps * step_s / 3600, 2))


def _wait_for(device: str) -> None:
    """Wait until an accelerator has done what it was given."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize(device)
