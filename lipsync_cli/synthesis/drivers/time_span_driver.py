"""A mouth that is moved in some spans of time only."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from lipsync_cli.synthesis.drivers.driver import Driver

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.speech.speech_features import Encode

FADE_S = 0.12  # from the source's own mouth to the generated one, within a span


class WithinSpans:
    """A driver that shows nothing of the generated mouth outside of some spans: those frames are the source's own.

    Parameters
    ----------
    driver : of the mouth
    spans : from and to, in seconds of the output
    """

    def __init__(self, driver: Driver, spans: Sequence[tuple[Fraction, Fraction]]) -> None:
        self._driver = driver
        self._spans = [(float(start), float(end)) for start, end in spans]

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """See `Driver`."""
        return self._driver.windows(middles_s, encode)

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """See `Driver`."""
        import numpy as np

        inside = np.zeros(len(middles_s))
        for start, end in self._spans:
            edge_s = np.minimum(middles_s - start, end - middles_s)
            share = np.clip(edge_s / min(FADE_S, (end - start) / 2), 0, 1)
            inside = np.maximum(inside, share)
        shown: np.ndarray = self._driver.shown(middles_s) * inside
        return shown


def within(driver: Driver, spans: Sequence[tuple[Fraction, Fraction]]) -> Driver:
    """Return a driver for the spans of an output; without any the driver itself."""
    return WithinSpans(driver, spans) if spans else driver
