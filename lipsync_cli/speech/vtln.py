"""Voices whose formants lie higher or lower than those that weights were trained on, brought to where those lie.

Vocal tract length normalisation (Lee and Rose 1998, "A frequency warping approach to speaker normalization"): of the
factors by which the frequency axis can be stretched, the one is taken with which a voice is most likely one of the
known ones. A short vocal tract, a woman's beside a man's, has its formants about a sixth higher.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.json_values import check_type
from lipsync_cli.speech.mel import SILENCE

if TYPE_CHECKING:
    import numpy as np

NUM_CEPSTRA = 12  # of a mel frame, without the first, its loudness
LOUD = 1.2  # mel units (15 dB) below the loud end of a recording: what lies above is speech, mostly vowels
LOUD_END = 95  # percent of the mel frames that are not louder than that end
HEARD = 0.5  # mel units above silence, below which nothing is heard
LEAST_KNOWN = 800  # loud mel frames (10 s) that tell of known voices
LEAST_HEARD = 60  # loud mel frames (0.75 s) that tell of a voice
LEAST_VARIANCE = 1e-4  # of the cepstra of speech in any direction: the least of 36,000 frames is 0.2
MOST_HEARD = 2000  # of them are looked at
GAIN = 1.0  # nats per mel frame by which a voice must become more likely, or it is left as it is
FACTORS = tuple(round(0.88 + 0.02 * step, 2) for step in range(13))  # that are tried: 0.88 to 1.12, as in that paper


@dataclass(frozen=True)
class KnownVoices:
    """How the voices sounded that weights were trained on: cepstra of their loud mel frames beside each clip's mean.

    Attributes
    ----------
    covariance : shape (12, 12), as rows
    num_frames : of which it was measured
    """

    covariance: tuple[tuple[float, ...], ...]
    num_frames: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as a JSON-able dictionary."""
        return {"covariance": [list(row) for row in self.covariance], "num_frames": self.num_frames}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> KnownVoices:
        """Make it from a dictionary; InputError if that says something else."""
        import numpy as np

        try:
            rows = check_type(values["covariance"], list[list[float]], "the covariance")
            matrix = np.array(rows, np.float64)
            if matrix.shape != (NUM_CEPSTRA, NUM_CEPSTRA) or not np.allclose(matrix, matrix.T):
                raise ValueError
            if not (np.linalg.eigvalsh(matrix) > 0).all():
                raise ValueError
            num_frames = check_type(values["num_frames"], int, "their number of frames")
            return cls(tuple(tuple(float(cell) for cell in row) for row in matrix), num_frames)
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError("the known voices are no covariance of cepstra") from error


def measure_voices(mels: Iterable[np.ndarray]) -> KnownVoices | None:
    """Measure the voices of many recordings, each of shape (T, 80); None if they hold too little speech."""
    import numpy as np

    parts = [_cepstra(mel[loud]) for mel in mels if (loud := _find_loud(mel)).sum() >= LEAST_HEARD]
    if sum(map(len, parts)) < LEAST_KNOWN:
        return None
    cepstra = np.concatenate(parts)
    covariance = cepstra.T @ cepstra / len(cepstra)
    if np.linalg.eigvalsh(covariance).min() < LEAST_VARIANCE:
        return None
    return KnownVoices(tuple(tuple(float(f"{cell:.6g}") for cell in row) for row in covariance), len(cepstra))


def find_factor(mel: np.ndarray, known: KnownVoices) -> float:
    """Find by how much the formants of a voice lie higher than those of known ones.

    Parameters
    ----------
    mel : shape (T, 80), of one voice

    Returns
    -------
    one of FACTORS; 1 for a voice that no factor makes clearly more likely, and where there is too little speech

    Notes
    -----
    Each mel frame is taken to be drawn from a normal distribution. Beside the four men that the embedded weights know,
    two women gain 3.6 and 1.9 nats a frame, three other men at most 0.4.
    """
    import numpy as np

    frames = mel[_find_loud(mel)]
    if len(frames) < LEAST_HEARD:
        return 1.0
    frames = frames[:: -(-len(frames) // MOST_HEARD)]
    precision = np.linalg.inv(np.array(known.covariance))

    def likelihood(factor: float) -> float:
        cepstra = _cepstra(shift_formants(frames, factor))
        return -0.5 * float(np.einsum("ni,ij,nj->n", cepstra, precision, cepstra).mean())

    best = max(FACTORS, key=likelihood)
    return best if likelihood(best) - likelihood(1.0) > GAIN else 1.0


def shift_formants(mel: np.ndarray, factor: float) -> np.ndarray:
    """Divide by a factor the place of everything in the spectrum, counted in bands from the lowest: shape (T, 80)."""
    import numpy as np

    if factor == 1:
        return mel
    last = mel.shape[1] - 1
    source = np.minimum(np.arange(last + 1) * factor, last)
    low = np.minimum(source.astype(int), last - 1)
    part = (source - low).astype(mel.dtype)
    return mel[:, low] * (1 - part) + mel[:, low + 1] * part


def _find_loud(mel: np.ndarray) -> np.ndarray:
    """Tell which mel frames are loud: shape (T,), bool."""
    import numpy as np

    loudness = mel.mean(1)
    heard = loudness[loudness > SILENCE + HEARD]
    return loudness > max(np.percentile(heard, LOUD_END) - LOUD if len(heard) else 0, SILENCE + HEARD)


def _cepstra(mel: np.ndarray) -> np.ndarray:
    """Describe the spectral envelopes of mel frames (n, 80) beside their mean's: shape (n, 12), float64."""
    cepstra = mel @ _cosines(mel.shape[1])
    centred: np.ndarray = cepstra - cepstra.mean(0)
    return centred


@lru_cache(maxsize=1)
def _cosines(bands: int) -> np.ndarray:
    """Return the orthonormal DCT-II without its first row, shape (bands, 12)."""
    import numpy as np

    order, place = np.arange(1, NUM_CEPSTRA + 1), np.arange(bands)[:, None]
    return np.sqrt(2 / bands) * np.cos(np.pi * order * (2 * place + 1) / (2 * bands))
