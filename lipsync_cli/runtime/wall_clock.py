"""The time of day as live work knows it: what it is, and waiting for it to pass."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits: `WallClock`, or one that runs as fast as it is asked."""

    def now(self) -> float:
        """Return seconds from some moment on."""
        ...

    def wait(self, seconds: float) -> None:
        """Let so much time pass; none if it is not above 0."""
        ...


class WallClock:
    """The clock of the system that is never set."""

    def now(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """See `Clock`."""
        if seconds > 0:
            time.sleep(seconds)
