"""Jobs that keep their inputs: what their configuration names to be read is neither replaced nor removed by them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from lipsync_cli.config.build import find_inputs
from lipsync_cli.runtime.run_inputs import keep_inputs

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


def keeps_inputs(job: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
    """Make a job, whose first parameter is a configuration, keep every file that it names to be read."""

    @functools.wraps(job)
    def guarded(config: C, /, *args: P.args, **options: P.kwargs) -> R:
        with keep_inputs(find_inputs(config)):
            return job(config, *args, **options)

    return guarded
