"""A recording and the words that it says, which drive the lips together."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lipsync_cli.speech.speech_features import Encode
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
from lipsync_cli.synthesis.drivers.text_driver import TextDriver

if TYPE_CHECKING:
    import numpy as np

TEXT_SHARE = 0.25  # of the speech features that are the text's; docs/experiments/043-lips-from-text.md


FindText = Callable[["np.ndarray"], TextDriver]


class BlendedDriver:
    """Drives a mouth by a recording, whose speech features are mixed with those of its words.

    Parameters
    ----------
    sound : the recording; all but the features are its own
    find_text : gives what drives by its words, told the recording's speech features (T, 384), when it first is needed
    facts : what that depends on, see `driver.Voice`
    share : of the text, 0 ... 1

    Attributes
    ----------
    facts : of both, see `driver.Voice`
    path, silence, vtln, has_sound, is_silent, has_speech, duration_s : the recording's
    """

    def __init__(
        self, sound: SpeechDriver, find_text: FindText, facts: tuple[str, ...], share: float = TEXT_SHARE
    ) -> None:
        self._sound, self._find_text, self._share = sound, find_text, share
        self._text: TextDriver | None = None
        self._lock = Lock()
        self.path: Path = sound.path
        self.silence: str = sound.silence
        self.vtln: float = sound.vtln
        self.facts = (*facts, f"{share}")
        self.has_sound, self.is_silent, self.has_speech = sound.has_sound, sound.is_silent, sound.has_speech
        self.duration_s: Fraction = sound.duration_s

    def close(self) -> None:
        """Give back what both keep."""
        self._sound.close()
        if self._text is not None:
            self._text.close()

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """Return windows of speech features, (n, 21, 384) float32."""
        assert encode is not None
        with self._lock:
            if self._text is None:
                self._text = self._find_text(self._sound.features(encode, 0, self._sound.num_features))
        heard = self._sound.windows(middles_s, encode)
        mixed = heard + self._share * (self._text.windows(middles_s) - heard)
        return self._text.close_lips(mixed, middles_s)

    def speech(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much some moments count as speech, as the recording tells."""
        return self._sound.speech(middles_s)

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the drawn mouth is shown at some moments, as the recording tells."""
        return self._sound.shown(middles_s)
