"""How many processor cores the work of this process may use."""

from __future__ import annotations

import os
import sys

# Where libraries look up, when they are loaded, how many threads they may use.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_limit: int | None = None


def num_cores() -> int:
    """Return how many processor cores this process may use, at least one."""
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return count if _limit is None else min(count, _limit)


def limit_cores(count: int) -> None:
    """Let this process, its libraries, and programs that it starts later use so many cores at most.

    Libraries that are loaded already are told; FFmpeg's programs choose for themselves.
    """
    global _limit
    if _limit == count:
        return
    _limit = count
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
    for name, setter in (("cv2", "setNumThreads"), ("torch", "set_num_threads")):
        if (library := sys.modules.get(name)) is not None:
            getattr(library, setter)(count)
