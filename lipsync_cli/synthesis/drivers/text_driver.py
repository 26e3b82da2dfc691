"""The words that drive the lips: sounds and their times instead of a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.speech.phones.timed_phones import TimedPhone, describe_frames, lip_closure
from lipsync_cli.speech.speech_features import RATE, WINDOW, Encode, cut_windows, window_places
from lipsync_cli.speech.vad import fade

if TYPE_CHECKING:
    import numpy as np

# (T + 2 * margin, WIDTH) descriptions to (T, 384) speech features, float32
EncodePhones = Callable[["np.ndarray"], "np.ndarray"]

REST_S = Fraction(2, 5)  # after the last word the mouth closes
CHUNK = 500  # feature frames that are made at once: 10 s
RISE, FALL = (
    round(0.05 * RATE),
    round(0.1 * RATE),
)  # feature frames from rest to speech and back, as in a `SpeechDriver`


class TextDriver:
    """Drives a mouth by the sounds of a text, in place of the speech features of a recording.

    Parameters
    ----------
    path : the file of the text
    phones : what is said when, in order
    encode : gives the speech features
    margin : frames that it sees before the first and after the last that it answers
    silence : what the mouth does in pauses: "keep" leaves the source's own, else it comes to rest
    duration_s : how long it drives the mouth; None: up to a moment after the last word
    weights : SHA-256 of what gives the features

    Attributes
    ----------
    path, silence, duration_s : as given
    symbols : of the sounds, in order
    facts : the weights, and what is said when
    vtln, has_sound, is_silent, has_speech : as in `driver.Voice`
    """

    vtln = 1.0
    has_sound, is_silent, has_speech = False, False, True

    def __init__(
        self,
        path: Path,
        phones: Sequence[TimedPhone],
        encode: EncodePhones,
        margin: int,
        *,
        silence: str = "close",
        duration_s: Fraction | None = None,
        weights: str = "",
    ) -> None:
        self.path, self.silence = path, silence
        self.symbols = [phone.symbol for phone in phones]
        self._phones, self._encode, self._margin = list(phones), encode, margin
        self.facts: tuple[str, ...] = (weights, hashlib.sha256(repr(self._phones).encode()).hexdigest())
        end_s = Fraction(self._phones[-1].end_s).limit_denominator(RATE * 100) if self._phones else Fraction(0)
        self.duration_s = end_s + REST_S if duration_s is None else duration_s
        self._gate = self._find_gate()
        self._kept: dict[int, np.ndarray] = {}
        self._still: np.ndarray | None = None

    def close(self) -> None:
        """Give back what is kept."""
        self._kept.clear()

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """Return windows of speech features, (n, 21, 384) float32; `encode`, of sounds, is not used."""
        starts, parts = window_places(middles_s)
        first = int(starts.min())
        heard = self.features(first, int(starts.max()) + WINDOW + 1)
        cut = cut_windows(heard, starts - first, parts, self._silence())
        return self.close_lips(cut, middles_s)

    def close_lips(self, windows: np.ndarray, middles_s: np.ndarray) -> np.ndarray:
        """Return windows (n, 21, 384) in which the mouth is at rest, its lips closed, where the words ask for it."""
        closed = lip_closure(self._phones, middles_s)[:, None, None]
        return windows + closed * (self._silence() - windows)

    def features(self, first: int, stop: int) -> np.ndarray:
        """Return the feature frames `first` ... `stop - 1` as they drive the mouth: (stop - first, 384) float32."""
        import numpy as np

        chunks = range(first // CHUNK, (stop - 1) // CHUNK + 1)
        joined = np.concatenate([self._chunk(index) for index in chunks])
        return joined[first - chunks[0] * CHUNK : stop - chunks[0] * CHUNK]

    def speech(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much some moments count as speech, (n,) float32."""
        import numpy as np

        gate: np.ndarray = np.interp(np.asarray(middles_s) * RATE, np.arange(len(self._gate)), self._gate, 0, 0)
        return gate.astype(np.float32)

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the drawn mouth is shown at some moments, (n,) float32: less than 1 in pauses if kept."""
        import numpy as np

        return self.speech(middles_s) if self.silence == "keep" else np.ones(len(middles_s), np.float32)

    def _chunk(self, index: int) -> np.ndarray:
        """Return the features of a chunk; the last two are kept."""
        import numpy as np

        if index not in self._kept:
            first, stop = index * CHUNK, (index + 1) * CHUNK
            made = self._encode(describe_frames(self._phones, first - self._margin, stop + self._margin))
            gate = np.zeros(CHUNK, np.float32)
            low, high = max(first, 0), min(stop, len(self._gate))
            if low < high:
                gate[low - first : high - first] = self._gate[low:high]
            self._kept[index] = self._silence() + gate[:, None] * (made - self._silence())
            while len(self._kept) > 2:
                del self._kept[next(iter(self._kept))]
        return self._kept[index]

    def _silence(self) -> np.ndarray:
        """Return the features of a moment in which nothing is said, shape (384,)."""
        if self._still is None:
            self._still = self._encode(describe_frames([], 0, 2 * self._margin + 1))[0]
        return self._still

    def _find_gate(self) -> np.ndarray:
        """Return how much of the speech counts at each feature frame, soft around the words."""
        import numpy as np

        spoken = np.zeros(round(max(0.0, float(self.duration_s)) * RATE) + FALL + 2, bool)
        for phone in self._phones:
            spoken[max(0, round(phone.start_s * RATE)) : max(0, round(phone.end_s * RATE)) + 1] = True
        return fade(spoken, RISE, FALL, FALL)
