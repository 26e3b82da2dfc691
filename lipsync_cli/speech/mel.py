"""LipGAN's log-mel spectrogram, and the only place that says which mel frames belong to a video frame.

The numbers are those of LipGAN's `audio.py` (KR et al. 2019, https://github.com/Rudrabha/LipGAN, 2019), computed with
librosa there and with NumPy here: 80 mel frames a second, mel frame i centred on the time i / 80 s.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.models.mel_shape import MEL_SHAPE
from lipsync_cli.runtime.json_values import make_dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

    import numpy as np

SAMPLE_RATE = 16000
HOP_LENGTH = 200
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_LENGTH  # 80 mel frames a second
N_MELS, WINDOW = MEL_SHAPE  # bands, and mel frames that go with one video frame: 337.5 ms
SILENCE = -4.0  # the lowest value a mel can have
LOWEST_DB = -160.0  # of a level: digital silence; 80 dB below what a mel can show, so that a quiet voice can be raised

_BLOCK = 1024  # mel frames transformed at once: bounds the memory for long recordings


@dataclass(frozen=True)
class MelParameters:
    """What a log-mel spectrogram was made with; stored beside every mel and every set of weights.

    Parameters
    ----------
    sample_rate : samples a second
    n_fft, hop_length, win_length : samples
    n_mels : number of mel bands
    fmin, fmax : Hz, the outer edges of the filter bank
    preemphasis : coefficient k of y[n] = x[n] - k x[n - 1]
    min_level_db, ref_level_db : dB, the level mapped to `-max_abs` and the one subtracted first
    max_abs : the values end up in [-max_abs, max_abs]
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = 800
    hop_length: int = HOP_LENGTH
    win_length: int = 800
    n_mels: int = N_MELS
    fmin: float = 55.0
    fmax: float = 7600.0
    preemphasis: float = 0.97
    min_level_db: float = -100.0
    ref_level_db: float = 20.0
    max_abs: float = 4.0

    def __post_init__(self) -> None:
        """Refuse values that no spectrogram can have."""
        allowed = {
            "sample_rate": 1000 <= self.sample_rate <= 384_000,
            "n_fft": 16 <= self.n_fft <= 65_536,
            "hop_length": 1 <= self.hop_length <= 65_536,
            "win_length": 1 <= self.win_length <= self.n_fft,
            "n_mels": 1 <= self.n_mels <= 1024,
            "fmin": 0 <= self.fmin < self.fmax,
            "fmax": self.fmax <= self.sample_rate / 2,
            "preemphasis": abs(self.preemphasis) <= 1,
            "min_level_db": -1000 <= self.min_level_db < 0,
            "ref_level_db": abs(self.ref_level_db) <= 1000,
            "max_abs": 0 < self.max_abs <= 1000,
        }
        for name, is_allowed in allowed.items():
            if not is_allowed:
                raise InputError(f"the mel parameters have {name} {getattr(self, name)}, which no mel can have")

    def to_dict(self) -> dict[str, Any]:
        """Give the parameters as a JSON-able dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> MelParameters:
        """Make parameters from a dictionary; InputError if it names others, or has values that no mel can have."""
        return make_dataclass(cls, values, "the mel parameters")

    def check_same(self, other: MelParameters) -> None:
        """Raise InputError naming both values of the first parameter in which `other` differs."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                raise InputError(f"the mel parameter {field.name} is {mine} here and {theirs} there")


def log_mel(samples: np.ndarray, parameters: MelParameters | None = None) -> np.ndarray:
    """Compute LipGAN's normalised log-mel spectrogram.

    Parameters
    ----------
    samples : shape (num_samples,), mono, -1..1, at `parameters.sample_rate`

    Returns
    -------
    shape (1 + num_samples // hop_length, n_mels), float32 in [-max_abs, max_abs]; row i is centred on sample
    i * hop_length

    Raises
    ------
    ValueError : if the samples are not one finite row

    Notes
    -----
    `mel_levels`, scaled by `to_mel`. What lies outside the recording is silence (zeros), which is librosa's padding
    since 0.10; older ones mirrored the signal, which changes the first and last two rows only.
    """
    parameters = parameters or MelParameters()
    return to_mel(mel_levels(samples, parameters), parameters)


def to_mel(levels_db: np.ndarray, parameters: MelParameters | None = None, gain_db: float = 0.0) -> np.ndarray:
    """Bring levels (T, n_mels) in dB, as if the sound were louder by `gain_db`, to [-max_abs, max_abs], float32."""
    import numpy as np

    parameters = parameters or MelParameters()
    level_db = levels_db + gain_db - parameters.ref_level_db
    scaled = 2 * parameters.max_abs * (level_db - parameters.min_level_db) / -parameters.min_level_db
    return np.clip(scaled - parameters.max_abs, -parameters.max_abs, parameters.max_abs).astype(np.float32)


def to_levels(mel: np.ndarray, parameters: MelParameters | None = None) -> np.ndarray:
    """Turn what `to_mel` gave (T, n_mels) back into levels in dB; what it clipped stays clipped."""
    parameters = parameters or MelParameters()
    share = (mel + parameters.max_abs) / (2 * parameters.max_abs)
    return share * -parameters.min_level_db + parameters.min_level_db + parameters.ref_level_db


def mel_levels(samples: np.ndarray, parameters: MelParameters | None = None) -> np.ndarray:
    """Compute the level of each mel band, before `to_mel` scales and clips it.

    Pre-emphasis, magnitude (not power) of a centred short-time Fourier transform with a periodic Hann window, Slaney
    mel filters, 20 log10. Parameters, rows and errors are those of `log_mel`.

    Returns
    -------
    shape (1 + num_samples // hop_length, n_mels) float64, dB, not below LOWEST_DB
    """
    import numpy as np

    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError("the samples must be one row of finite numbers")
    return np.concatenate(list(stream_levels([samples], parameters)))


def stream_levels(pieces: Iterable[np.ndarray], parameters: MelParameters | None = None) -> Iterator[np.ndarray]:
    """Give the rows of `mel_levels` in blocks, bit for bit, of a sound that comes in pieces (n,) of any length."""
    import numpy as np

    parameters = parameters or MelParameters()
    hop, margin = parameters.hop_length, parameters.n_fft // 2
    size = (_BLOCK - 1) * hop + parameters.n_fft  # samples that a block needs
    held, before = np.zeros(margin, np.float32), 0.0  # what comes before the sound is silence
    for piece in pieces:
        if not np.isfinite(piece).all():
            raise ValueError("the samples must be one row of finite numbers")
        held = np.concatenate([held, piece], dtype=np.float32)
        while len(held) >= size:
            yield _block_levels(held[:size], before, parameters)
            before, held = float(held[_BLOCK * hop - 1]), held[_BLOCK * hop :]
    num_rows = 1 + (len(held) - margin) // hop  # fewer than a block needs are held, but its silent end may be missing
    end = len(held)
    held = np.pad(held, (0, parameters.n_fft))
    while num_rows > 0:
        last = min(num_rows, _BLOCK)
        stop = (last - 1) * hop + parameters.n_fft
        yield _block_levels(held[:stop], before, parameters, end)
        before, held = float(held[last * hop - 1]), held[last * hop :]
        num_rows, end = num_rows - last, end - last * hop


def _block_levels(signal: np.ndarray, before: float, parameters: MelParameters, end: int | None = None) -> np.ndarray:
    """Compute the rows of a stretch of sound (n,), at most _BLOCK of them.

    Parameters
    ----------
    before : the sample before it
    end : where the recording ends in it, if it does
    """
    import numpy as np

    filters = mel_filters(parameters)
    taper = np.zeros(parameters.n_fft)
    start = (parameters.n_fft - parameters.win_length) // 2
    cycles = np.arange(parameters.win_length) / parameters.win_length
    taper[start : start + parameters.win_length] = 0.5 - 0.5 * np.cos(2 * np.pi * cycles)
    emphasised = signal.astype(np.float64)
    emphasised[1:] -= parameters.preemphasis * signal[:-1].astype(np.float64)
    emphasised[0] -= parameters.preemphasis * before
    if end is not None and end < len(signal):  # the filter's tail is no part of the recording
        emphasised[max(0, end) :] = 0.0
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, parameters.n_fft)[:: parameters.hop_length]
    magnitude = np.abs(np.fft.rfft(frames * taper, axis=1))
    return 20.0 * np.log10(np.maximum(10.0 ** (LOWEST_DB / 20.0), magnitude @ filters.T))


def window_start(middle_s: float | Fraction | np.ndarray, length: int = WINDOW) -> Any:
    """Find the first of the mel frames that belong to a video frame.

    Parameters
    ----------
    middle_s : the middle of the frame's time on screen, in seconds; a number or an array of them
    length : of the window in mel frames, odd

    Returns
    -------
    index of the first mel frame, possibly negative; int for a number, int64 array for an array

    Notes
    -----
    The window is centred: mel frame `start + length // 2` is the one nearest to `middle_s`, so the error is at most
    half a mel frame (6.25 ms). LipGAN centres the window in training and starts it at the frame at inference.
    """
    import numpy as np

    middle = np.asarray(middle_s, np.float64)
    nearest = np.floor(middle * FRAMES_PER_SECOND + 0.5 + 1e-6).astype(np.int64)  # ties go up, also when rounded
    start = nearest - length // 2
    return int(start) if start.ndim == 0 else start


def window(mel: np.ndarray, middle_s: float | Fraction) -> np.ndarray:
    """Cut the mel frames centred on the middle of one video frame.

    Parameters
    ----------
    mel : shape (num_mel_frames, n_mels)
    middle_s : the middle of the frame's time on screen, in seconds

    Returns
    -------
    shape (27, n_mels); what lies before the start or past the end is silence (-4)
    """
    import numpy as np

    return windows(mel, np.asarray([window_start(middle_s)]))[0]


def windows(
    mel: np.ndarray,
    starts: np.ndarray,
    first: int | np.ndarray = 0,
    length: int | np.ndarray | None = None,
    window: int = WINDOW,
) -> np.ndarray:
    """Cut many windows at once, each within its own recording.

    Parameters
    ----------
    mel : shape (num_mel_frames, n_mels), one recording or many joined end to end
    starts : shape (n,), what `window_start` gave, counted from the start of the recording
    first, length : where the recording lies in `mel`; numbers, or shape (n,); all of `mel` if not given
    window : mel frames T of each

    Returns
    -------
    shape (n, T, n_mels); what lies outside the recording is silence (-4)
    """
    import numpy as np

    starts = np.asarray(starts, np.int64)
    first = np.broadcast_to(np.asarray(first, np.int64), starts.shape)
    last = np.broadcast_to(np.asarray(len(mel) if length is None else first + length, np.int64), starts.shape)
    index = (first + starts)[:, None] + np.arange(window)
    inside = (index >= first[:, None]) & (index < last[:, None])
    if not len(mel):
        return np.full((*index.shape, *mel.shape[1:]), SILENCE, mel.dtype)
    cut = mel[np.clip(index, 0, len(mel) - 1)]
    cut[~inside] = SILENCE
    return cut


@lru_cache(maxsize=4)
def mel_filters(parameters: MelParameters) -> np.ndarray:
    """Triangles on Slaney's mel scale, each of unit area in Hz: shape (n_mels, 1 + n_fft // 2), float64."""
    import numpy as np

    edges_mel = np.linspace(_hz_to_mel(parameters.fmin), _hz_to_mel(parameters.fmax), parameters.n_mels + 2)
    edges = _mel_to_hz(edges_mel)
    bins = np.arange(1 + parameters.n_fft // 2) * (parameters.sample_rate / parameters.n_fft)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(0.0, triangles) * (2.0 / (high - low))


_LINEAR_HZ = 200.0 / 3  # Hz a mel below 1000 Hz (Slaney 1998, Auditory Toolbox)
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = 0.06875177742094912  # ln(6.4) / 27: natural logarithm of the frequency ratio of one mel above 1000 Hz


def _hz_to_mel(hz: float) -> float:
    import math

    return hz / _LINEAR_HZ if hz < _BREAK_HZ else _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, _BREAK_HZ * np.exp((mel - _BREAK_MEL) * _LOG_STEP))
