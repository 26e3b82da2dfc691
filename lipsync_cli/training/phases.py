"""A schedule of named phases, counted in samples."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lipsync_cli.errors import UsageError

RECONSTRUCTION, SYNC_WARM_UP, ADVERSARIAL = PHASES = ("reconstruction", "sync-warm-up", "adversarial")


@dataclass(frozen=True)
class Schedule:
    """When each phase begins.

    Attributes
    ----------
    warm_up_begins, adversarial_begins : samples after which the second and the third phase begin
    """

    warm_up_begins: int
    adversarial_begins: int

    def phase(self, samples: int) -> str:
        """Name the phase of a step that begins after so many samples."""
        if samples < self.warm_up_begins:
            return RECONSTRUCTION
        return SYNC_WARM_UP if samples < self.adversarial_begins else ADVERSARIAL


def parse_schedule(text: str) -> Schedule:
    """Read `reconstruction=SAMPLES,sync-warm-up=SAMPLES`; the last phase has the rest.

    Raises
    ------
    UsageError : it is no such text
    """
    found = re.fullmatch(rf"{RECONSTRUCTION}=(\d{{1,12}}),{SYNC_WARM_UP}=(\d{{1,12}})", text.replace(" ", ""))
    if found is None:
        raise UsageError(
            f"{text!r} is no schedule", hint=f"give {RECONSTRUCTION}=SAMPLES,{SYNC_WARM_UP}=SAMPLES; the rest is last"
        )
    first, second = (int(number) for number in found.groups())
    return Schedule(first, first + second)
