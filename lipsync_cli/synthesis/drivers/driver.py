"""What the renderer, and a film's job, ask of what drives a mouth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

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
        shape (n, T, M) float32 of mels, or (n, 21, 384) of speech features
        """
        ...

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the generated mouth is shown at some mid-times, (n,) in [0, 1]; at 0 none is generated."""
        ...


class Voice(Driver, Protocol):
    """A driver that is opened from a file: `SpeechDriver` of a sound, or another of a text.

    Attributes
    ----------
    path : the file
    silence : what the mouth does in pauses, in a word
    vtln : factor by which formants were moved, 1.0 where there are none
    has_sound : whether the file can be heard; a text cannot
    facts : what it depends on beside the file and the settings, in words
    is_silent, has_speech : whether nothing is said throughout, and whether speech was found
    duration_s : how long it drives the mouth, in seconds
    """

    path: Path
    silence: str
    vtln: float
    has_sound: bool
    facts: tuple[str, ...]
    is_silent: bool
    has_speech: bool
    duration_s: Fraction

    def speech(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much some mid-times (n,) in seconds count as speech, (n,) float32 in [0, 1]."""
        ...

    def close(self) -> None:
        """Give back what is kept on disk."""
        ...


# Opens a voice as `SpeechDriver(path, parameters, silence, known, vtln, hears, window=window)` does.
OpenVoice = Callable[..., Voice]
