"""`lipsync train`: a pack in, a run folder with weights out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.train import TrainJob

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}  # what torchrun sets, and what is meant without it


def read_place(environment: Mapping[str, str]) -> tuple[int, int, int]:
    """Return rank, size and local rank from what torchrun sets; UsageError if these are not such numbers."""
    numbers = []
    for name, default in TORCHRUN.items():
        text = environment.get(name, default)
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise UsageError(f"the environment has {name}={text!r}, not a whole number", hint=f"unset {name}")
        numbers.append(int(text))
    rank, size, local = numbers
    if rank >= size:
        raise UsageError(f"the environment has RANK={rank} and WORLD_SIZE={size}", hint="start it with torchrun")
    return rank, size, local


@takes_config(TrainJob)
def train(
    job: TrainJob,
    as_json: shared_flags.Json = False,
    dry_run: shared_flags.DryRun = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Train a generator, or a network beside it; by default LipGAN as in its thesis.

    The run folder gets checkpoints (last, best), a log as JSON lines, sample grids, and a model card. The same command
    resumes a run that was interrupted, exactly where it stood.

    \b
    Example:
      lipsync train grid.h5 runs/lipgan
      lipsync train grid.h5 runs/compact --generator compact --recipe l1 --augment --batch-size 32 --epochs 5
      lipsync train grid.h5 runs/lipgan --estimate
      lipsync train part1.h5 part2.h5 runs/lipgan
      lipsync train grid.h5 runs/expert --recipe sync-expert --augment
      lipsync train grid.h5 runs/two-critics --recipe lipgan-expert --expert runs/expert --generator compact
      lipsync train grid.h5 runs/reader --recipe lip-reader --transcripts align/ --augment
    """
    from lipsync_cli.pipelines import train as pipeline

    if dry_run:
        pipeline.check(job)
        print_result({"pack": " ".join(map(str, job.pack)), "run": str(job.run), **job.config.to_dict()}, as_json)
        return
    if job.estimate:
        from lipsync_cli.pipelines.train_estimate import estimate

        with Progress(quiet, verbose) as progress:
            print_result(vars(estimate(job, progress=progress.update, notify=progress.note)), as_json)
        return
    place = pipeline.Place(*read_place(os.environ))
    with Progress(quiet or not place.is_first, verbose) as progress:
        result = pipeline.run(job, place, progress=progress.update, notify=progress.note)
    if place.is_first:
        print_result(result.figures, as_json, result.weights)
