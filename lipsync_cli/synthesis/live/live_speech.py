"""The speech of a live film: drives the mouth by the sound that has come so far.

What is heard at a moment depends on the sound up to a fixed time after it, and on nothing later, so that equal sound
gives equal mouths however it comes in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import floor
from typing import TYPE_CHECKING

from lipsync_cli.speech.mel import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    MelParameters,
    mel_levels,
    to_mel,
    window_start,
    windows,
)
from lipsync_cli.speech.mel import SILENCE as SILENT_LEVEL
from lipsync_cli.speech.mel import WINDOW as MEL_WINDOW
from lipsync_cli.speech.speech_features import (
    HOP,
    N_FFT,
    PADDING,
    RATE,
    SILENT_MEL,
    Encode,
    Stream,
    cut_windows,
    encode_silence,
    log_power,
    whisper_mel,
    window_places,
)
from lipsync_cli.speech.speech_features import N_MELS as ENCODER_MELS
from lipsync_cli.speech.vad import band_levels, fade, fill_last_pause, find_speech
from lipsync_cli.speech.vtln import shift_formants
from lipsync_cli.synthesis.drivers.speech_driver import AROUND, FALL, MEL, RISE, USUAL_DB

if TYPE_CHECKING:
    import numpy as np

AHEAD_S = 0.2  # of sound that is waited for after a frame's middle; docs/experiments/042
BEFORE_S = 3.0  # of sound before, that the speech encoder is given; the same page
KEPT_S = 12.0  # of sound by which the voice's level and its pauses are told
LEFT = 4  # rows before a block whose sound is computed again


@dataclass(frozen=True)
class _Gate:
    """How much of the speech counts around a moment, from mel frame `first` on, and by how much it is made louder."""

    first: int
    share: np.ndarray
    gain_db: float


class LiveSpeech:
    """A `Driver` whose sound is given piece by piece; the sound may be added in one thread and heard in another.

    Parameters
    ----------
    hears : what the generator hears: "mel", or "encoder" for speech features
    parameters : of the mels
    silence : what drives the mouth in pauses, as for `SpeechDriver`
    vtln : factor by which the formants of this voice lie higher than those that the weights know
    ahead_s, before_s : how much sound after and before a frame counts for it
    stream : encodes feature frames from one to before another, given what reads their rows, see `EncoderStream`; None:
        `encode` of `windows` encodes everything that counts for a frame, each time
    window : mel frames T of a window of mels
    """

    def __init__(
        self,
        hears: str = MEL,
        parameters: MelParameters | None = None,
        silence: str = "close",
        vtln: float = 1.0,
        *,
        ahead_s: float = AHEAD_S,
        before_s: float = BEFORE_S,
        stream: Stream | None = None,
        window: int = MEL_WINDOW,
    ) -> None:
        self._hears, self._parameters, self._silence, self._vtln = hears, parameters or MelParameters(), silence, vtln
        self.ahead_s, self._before_s, self._stream, self._window = ahead_s, before_s, stream, window
        hop, half = self._parameters.hop_length, self._parameters.n_fft // 2
        self._levels = _Rows(lambda sound: mel_levels(sound, self._parameters), hop, half, self._parameters.n_mels)
        self._powers = _Rows(log_power, HOP, N_FFT // 2, ENCODER_MELS)
        self._heard = [self._levels] if hears == MEL else [self._levels, self._powers]
        self._lock = threading.Lock()
        self._gain_db = 0.0
        self._gate: tuple[int, _Gate] | None = None
        self._silent: np.ndarray | None = None

    def add(self, samples: np.ndarray) -> None:
        """Take the next samples (n,) float32, mono, 16 kHz."""
        with self._lock:
            for rows in self._heard:
                rows.add(samples)

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """Return what the generator hears for the frames with some mid-times; see `Driver`.

        The sound up to `ahead_s` after the last of them has to be there.
        """
        import numpy as np

        end_s = float(np.max(middles_s)) + self.ahead_s
        with self._lock:
            gate = self._find_gate(end_s)
            if self._hears == MEL:
                return self._mels(np.asarray(middles_s), end_s, gate)
        assert encode is not None
        starts, parts = window_places(middles_s)
        first = max(-PADDING, int(np.min(starts)))
        stop = self._powers.before(end_s) // 2
        read = partial(self._encoder_rows, stop=2 * stop, gain_db=gate.gain_db)
        if self._stream is None:
            oldest = max(-PADDING, first - round(self._before_s * RATE))
            features = encode(read(2 * oldest, 2 * (stop + PADDING)))[first - oldest :]
        else:
            features = self._stream(first, stop + PADDING, read)
        features = features[:-PADDING]
        if self._silent is None:
            self._silent = encode_silence(encode)
        if self._silence == "close":
            times = (first + np.arange(len(features))) * (FRAMES_PER_SECOND / RATE) - gate.first
            share = np.interp(times, np.arange(len(gate.share)), gate.share).astype(np.float32)[:, None]
            features = self._silent + share * (features - self._silent)
        starts, parts = window_places(middles_s)
        return cut_windows(features, starts - first, parts, self._silent)

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the drawn mouth is shown; less than 1 in pauses that keep the source's own mouth."""
        import numpy as np

        if self._silence != "keep":
            return np.ones(len(middles_s), np.float32)
        with self._lock:
            gate = self._find_gate(float(np.max(middles_s)) + self.ahead_s)
        places = window_start(np.asarray(middles_s)) + MEL_WINDOW // 2 - gate.first
        return gate.share[np.clip(places, 0, len(gate.share) - 1)]

    def _mels(self, middles_s: np.ndarray, end_s: float, gate: _Gate) -> np.ndarray:
        """Return mel windows (n, T, M); what lies after `end_s` is silence."""
        import numpy as np

        starts = window_start(middles_s, self._window)
        first, stop = max(0, int(starts.min())), self._levels.before(end_s)
        mel = shift_formants(to_mel(self._levels.read(first, stop), self._parameters, gate.gain_db), self._vtln)
        if self._silence == "close":
            share = gate.share[first - gate.first : first - gate.first + len(mel), None]
            mel = SILENT_LEVEL + share * (mel - SILENT_LEVEL)
        if not len(mel):
            return np.full((len(starts), self._window, self._parameters.n_mels), SILENT_LEVEL, np.float32)
        return windows(mel.astype(np.float32), starts - first, window=self._window)

    def _encoder_rows(self, first: int, last: int, *, stop: int, gain_db: float) -> np.ndarray:
        """Return rows of the encoder's log-mel, (last - first, 80); from `stop` on, and before the sound, silence."""
        import numpy as np

        rows = np.full((last - first, ENCODER_MELS), SILENT_MEL, np.float32)
        with self._lock:
            heard = whisper_mel(self._powers.read(max(0, first), min(last, stop)), gain_db)
        start = max(0, first) - first
        rows[start : start + len(heard)] = shift_formants(heard, self._vtln)
        return rows

    def _find_gate(self, end_s: float) -> _Gate:
        """Return what counts as speech in the last seconds before `end_s`."""
        import numpy as np

        stop = self._levels.before(end_s)
        if self._gate is not None and self._gate[0] == stop:
            return self._gate[1]
        first = max(0, stop - round(KEPT_S * FRAMES_PER_SECOND))
        activity = find_speech(band_levels(self._levels.read(first, stop)))
        if activity.level_db is not None:
            self._gain_db = USUAL_DB - activity.level_db
        speech = np.pad(fill_last_pause(activity.speech) | activity.breath, (0, FALL + AROUND + 1))
        share = fade(speech, *((FALL, FALL, AROUND) if self._silence == "keep" else (RISE, FALL)))
        gate = _Gate(first, share, self._gain_db)
        self._gate = stop, gate
        return gate


class _Rows:
    """The last rows of a spectrogram, computed as the sound comes.

    Parameters
    ----------
    transform : samples (n,) to rows (1 + n // hop, C), row i centred on sample i * hop
    hop : samples from row to row
    half : samples on either side of its centre that a row depends on
    width : C
    """

    def __init__(self, transform: Callable[[np.ndarray], np.ndarray], hop: int, half: int, width: int) -> None:
        import numpy as np

        self._transform, self._hop, self._half = transform, hop, half
        self._held = np.zeros(LEFT * hop, np.float32)  # what comes before the sound is silence
        self._kept = round((KEPT_S + 1) * SAMPLE_RATE / hop)
        self._rows = np.zeros((4 * self._kept, width))
        self._first = self._count = 0  # number of the first row there, and how many there are

    def add(self, samples: np.ndarray) -> None:
        """Take the next samples (n,)."""
        import numpy as np

        self._held = np.concatenate([self._held, samples])
        count = max(0, (len(self._held) - LEFT * self._hop - self._half) // self._hop + 1)
        made = self._transform(self._held)[LEFT : LEFT + count] if count else self._rows[:0]
        self._held = self._held[count * self._hop :]
        for start in range(0, count, self._kept):
            self._keep(made[start : start + self._kept])

    def before(self, end_s: float) -> int:
        """Return how many rows depend on nothing after a moment."""
        return max(0, floor((end_s * SAMPLE_RATE - self._half) / self._hop + 1e-6) + 1)

    def read(self, first: int, stop: int) -> np.ndarray:
        """Return the rows `first` ... `stop - 1`, as far as they are there."""
        return self._rows[max(0, first - self._first) : min(self._count, max(0, stop - self._first))]

    def _keep(self, rows: np.ndarray) -> None:
        if self._count + len(rows) > len(self._rows):
            left = self._count - self._kept
            self._rows[: self._kept] = self._rows[left : self._count].copy()
            self._first, self._count = self._first + left, self._kept
        self._rows[self._count : self._count + len(rows)] = rows
        self._count += len(rows)
