"""Memory that threads share, so that a long run needs no more of it than a short one."""

from __future__ import annotations

import ctypes
import os

M_ARENA_MAX = -8  # of glibc's malloc.h
NUM_ARENAS = 2


def limit_arenas() -> None:
    """Let glibc's malloc use two arenas, unless MALLOC_ARENA_MAX says otherwise; other C libraries stay as they are.

    Each thread has an arena of its own else, and keeps in it what it has freed: with frames that are made in one thread
    and freed in another, that grows for minutes. To be called before there are threads.
    """
    if "MALLOC_ARENA_MAX" in os.environ or os.name != "posix":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(M_ARENA_MAX, NUM_ARENAS)
