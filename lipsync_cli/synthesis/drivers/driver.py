"""What the renderer asks of what drives a mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.speech.speech_features import Encode


class Driver(Protocol):
    """Drives a mouth through time: by recorded speech, or by whatever else gives what the generator hears."""

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """Return what the generator hears for the frames with some mid-times.

        Parameters
        ----------
        middles_s : shape (n,) float64, seconds from the beginning
        encode : the speech encoder, (T, 80) log-mel to speech features ((T + 1) // 2, 384), for who needs it

        Returns
        -------
        shape (n, 27, 80) float32 of mels, or (n, 21, 384) of speech features
        """
        ...

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the generated mouth is shown at some mid-times, (n,) in [0, 1]; at 0 none is generated."""
        ...
