"""Speech features: what Whisper's audio encoder hears, 50 times a second, as a stream in constant memory.

An encoder that has heard many thousands of people says what is spoken whoever speaks; a mel window says how one voice
sounds. The spectrogram is Whisper's (Radford et al. 2022, section 2.2; `whisper/audio.py` of
https://github.com/openai/whisper) with two differences, so that a moment's features depend on its neighbourhood
alone: the speech is brought to one level first, and the floor lies at a fixed place instead of 8 below the maximum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.json_values import make_dataclass

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16000
N_FFT, HOP = 400, 160  # samples of Whisper's short-time Fourier transform
N_MELS = 80
RATE = 50  # feature frames a second; frame k is centred on the time k / 50 s
DIM = 384
WINDOW = 21  # feature frames that go with one video frame: 0.42 s
SPEECH_DB = -31.0  # level to which speech is brought, as `speech.vad.find_speech` measures it: that of GRID
TOP = 1.0  # log10 of the power in the loudest band of speech at that level, about
RANGE = 8.0  # what lies so far below the top (80 dB) is silence
SILENT_MEL = (TOP - RANGE + 4) / 4  # what `whisper_mel` gives of it
CHUNK = 400  # feature frames that are encoded at once (8 s), beside
CONTEXT = 50  # so many (1 s) at either side, whose own features are not used but for
PADDING = 25  # feature frames (0.5 s) of silence before and after a recording
BLEND = 10  # so many at a border, over which one chunk's features give way to the next one's

_BLOCK = 1024  # mel frames transformed at once

Encode = Callable[["np.ndarray"], "np.ndarray"]  # (T, 80) float32 log-mel to ((T + 1) // 2, D) float32 features

Stream = Callable[[int, int, Callable[[int, int], "np.ndarray"]], "np.ndarray"]  # see `models.speech_encoder`


@dataclass(frozen=True)
class FeatureParameters:
    """What speech features were made with; stored beside all of them, and in the weights that take them.

    Parameters
    ----------
    encoder : name of the network
    layer : block after which its residual stream is taken
    dim : features at each moment
    rate : feature frames a second
    speech_db, top, range : level to which speech is brought; log10 of the power that is scaled to the top, and how far
        below it the floor lies
    chunk, context, blend : feature frames that are encoded at once, see `FeatureStream`
    """

    encoder: str = "whisper-tiny.en"
    layer: int = 3
    dim: int = DIM
    rate: int = RATE
    speech_db: float = SPEECH_DB
    top: float = TOP
    range: float = RANGE
    chunk: int = CHUNK
    context: int = CONTEXT
    blend: int = BLEND

    def to_dict(self) -> dict[str, Any]:
        """Give the parameters as a JSON-able dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> FeatureParameters:
        """Make parameters from a dictionary; InputError if it names others, or has values of another kind."""
        return make_dataclass(cls, values, "the feature parameters")

    def check_same(self, other: FeatureParameters) -> None:
        """Raise InputError naming both values of the first parameter in which `other` differs."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                raise InputError(f"the speech features' {field.name} is {mine} here and {theirs} there")


def log_power(samples: np.ndarray) -> np.ndarray:
    """Compute Whisper's spectrogram before it is scaled: log10 of the power in 80 Slaney bands.

    Parameters
    ----------
    samples : shape (num_samples,), mono, -1..1, 16 kHz

    Returns
    -------
    shape (1 + num_samples // 160, 80), float32, at least -10; row i is centred on sample 160 i; what lies outside the
    samples is silence

    Raises
    ------
    ValueError : the samples are not one finite row
    """
    import numpy as np

    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise ValueError("the samples must be one row of finite numbers")
    padded = np.pad(samples, N_FFT // 2)
    taper, filters = taper_and_filters()
    power = np.empty((1 + len(samples) // HOP, len(filters)), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    for first in range(0, len(power), _BLOCK):
        spectrum = np.fft.rfft(views[first : first + _BLOCK] * taper, axis=1)
        power[first : first + _BLOCK] = (spectrum.real**2 + spectrum.imag**2) @ filters.T
    return np.log10(np.maximum(power, 1e-10))


def whisper_mel(log_powers: np.ndarray, gain_db: float = 0.0) -> np.ndarray:
    """Scale a spectrogram (T, 80) from `log_power` as the encoder was trained on, as if it were louder by `gain_db`.

    Returns
    -------
    shape (T, 80), float32; silence is (TOP - RANGE + 4) / 4
    """
    import numpy as np

    return ((np.maximum(log_powers + np.float32(gain_db / 10), TOP - RANGE) + 4) / 4).astype(np.float32)


class FeatureStream:
    """The features of one recording, encoded a chunk at a time when they are asked for.

    The encoder looks at all that it is given, so what it says of a moment depends on how the sound is cut. It is cut
    the same way every time, whatever is asked for and in what order: chunks of CHUNK frames from the recording's start,
    each encoded with CONTEXT frames beside it, and blended into the next over BLEND frames. Before and after the
    recording lies half a second of silence, then nothing.

    Parameters
    ----------
    mel : gives the rows `first` ... `stop - 1` of the recording's `whisper_mel`, within it
    num_rows : of the recording's mel, 100 a second
    encode : the network: (T, 80) float32 to ((T + 1) // 2, D) float32

    Attributes
    ----------
    num_frames : of the recording's features, 50 a second
    """

    def __init__(self, mel: Callable[[int, int], np.ndarray], num_rows: int, encode: Encode) -> None:
        self._mel, self._num_rows, self._encode = mel, num_rows, encode
        self.num_frames = (num_rows + 1) // 2
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def frames(self, first: int, stop: int) -> np.ndarray:
        """Return the feature frames `first` ... `stop - 1`, as far as the recording has them: (n, D) float32."""
        import numpy as np

        first, stop = max(0, first), min(stop, self.num_frames)
        if first >= stop:
            return np.zeros((0, DIM), np.float32)
        chunks = range(first // CHUNK, (stop - 1) // CHUNK + 1)
        joined = np.concatenate([self._chunk(index) for index in chunks])
        return joined[first - chunks[0] * CHUNK : stop - chunks[0] * CHUNK]

    def _chunk(self, index: int) -> np.ndarray:
        """Return the frames of a chunk, its beginning blended with what the chunk before says of it."""
        import numpy as np

        own = self._encoded(index)[0]
        if index == 0:
            return own
        before = self._encoded(index - 1)[1]
        length = min(BLEND, len(own), len(before))
        share = ((np.arange(length, dtype=np.float32) + 1) / (BLEND + 1))[:, None]
        blended = before[:length] * (1 - share) + own[:length] * share
        return np.concatenate([blended, own[length:]])

    def _encoded(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a chunk's own frames, and what it says of the first of the next one; the last two are kept."""
        import numpy as np

        if index not in self._kept:
            start, end = index * CHUNK, min((index + 1) * CHUNK, self.num_frames)
            first = max(start - CONTEXT, -PADDING)
            last = min((index + 1) * CHUNK + CONTEXT, self.num_frames + PADDING)
            rows = np.full((2 * (last - first), N_MELS), SILENT_MEL, np.float32)
            begin, stop = max(0, 2 * first), min(2 * last, self._num_rows)
            rows[begin - 2 * first : stop - 2 * first] = self._mel(begin, stop)
            features = self._encode(rows)
            self._kept[index] = features[start - first : end - first], features[end - first : end - first + BLEND]
            while len(self._kept) > 2:
                del self._kept[next(iter(self._kept))]
        return self._kept[index]


def encode_sound(samples: np.ndarray, encode: Encode, gain_db: float = 0.0) -> np.ndarray:
    """Encode a whole recording in memory: samples (n,) at 16 kHz to features (T, D), see `FeatureStream`."""
    mel = whisper_mel(log_power(samples), gain_db)
    return FeatureStream(lambda first, stop: mel[first:stop], len(mel), encode).frames(0, len(mel))


def encode_silence(encode: Encode) -> np.ndarray:
    """Return what the encoder says of silence, shape (D,): the mean over two seconds of it."""
    import numpy as np

    mean: np.ndarray = encode(np.full((4 * RATE, N_MELS), SILENT_MEL, np.float32)).mean(0)
    return mean


def window_places(middle_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the window of WINDOW feature frames centred on each moment.

    Parameters
    ----------
    middle_s : shape (n,), middles of the video frames' time on screen, seconds

    Returns
    -------
    start : shape (n,) int64, the first feature frame, possibly negative
    part : shape (n,) float32 in [0, 1): so far the moment lies on the way from frame to frame
    """
    import numpy as np

    place = np.asarray(middle_s, np.float64) * RATE
    nearest = np.floor(place + 1e-6)
    return nearest.astype(np.int64) - WINDOW // 2, np.clip(place - nearest, 0, 1).astype(np.float32)


def cut_windows(
    features: np.ndarray,
    starts: np.ndarray,
    parts: np.ndarray,
    silence: np.ndarray,
    first: int | np.ndarray = 0,
    length: int | np.ndarray | None = None,
) -> np.ndarray:
    """Cut windows of features, each within its own recording, interpolated linearly between feature frames.

    Parameters
    ----------
    features : shape (M, D), one recording or many joined end to end
    starts, parts : shape (n,), from `window_places`, counted from the start of the recording
    silence : shape (D,), from `encode_silence`: what lies outside the recording
    first, length : where the recording lies in `features`; numbers, or shape (n,); all if not given

    Returns
    -------
    shape (n, WINDOW, D), float32
    """
    import numpy as np

    starts = np.asarray(starts, np.int64)
    first = np.broadcast_to(np.asarray(first, np.int64), starts.shape)
    length = np.broadcast_to(np.asarray(len(features) if length is None else length, np.int64), starts.shape)
    place = starts[:, None] + np.arange(WINDOW + 1)
    inside = (place >= 0) & (place < length[:, None])
    if not len(features):
        return np.broadcast_to(silence.astype(np.float32), (len(starts), WINDOW, len(silence))).copy()
    cut = features[np.clip(first[:, None] + place, 0, len(features) - 1)].astype(np.float32)
    cut[~inside] = silence
    part = np.asarray(parts, np.float32)[:, None, None]
    return cut[:, :-1] * (1 - part) + cut[:, 1:] * part


@lru_cache(maxsize=1)
def taper_and_filters() -> tuple[np.ndarray, np.ndarray]:
    """Return the window (400,) of the transform, and the filters (80, 201) of its power."""
    import numpy as np

    from lipsync_cli.speech.mel import MelParameters, mel_filters

    filters = mel_filters(MelParameters(SAMPLE_RATE, N_FFT, HOP, N_FFT, fmin=0.0, fmax=SAMPLE_RATE / 2))
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT), filters
