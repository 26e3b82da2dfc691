"""The windows of sound that a network gets for a video frame: of mels, of speech features, or of the sound itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lipsync_cli.errors import InputError
from lipsync_cli.speech.mel import WINDOW, window_start, windows
from lipsync_cli.speech.speech_features import FeatureParameters, cut_windows, window_places

if TYPE_CHECKING:
    import numpy as np

MEL, ENCODER, SOUND = SPEECH_INPUTS = ("mel", "encoder", "sound")  # what a network hears
SOUND_WINDOW, SOUND_RATE = 3200, 16_000  # samples: 0.2 s
SOUND_PEAK = 32767  # of stored samples

MEASURED = 20_000  # feature frames of which mean and deviation are taken


@dataclass(frozen=True)
class FeatureStore:
    """Speech features of many recordings, end to end.

    Attributes
    ----------
    data : shape (1 + variants, M, D), float16; the first of the sounds as they are, the others altered
    silence : shape (D,), float32, features of silence
    parameters : what they were made with
    path : of the file that `data` is mapped from, for messages
    check_file : raises InputError if that file is no longer as long as it was
    """

    data: np.ndarray
    silence: np.ndarray
    parameters: FeatureParameters
    path: Path | None = None
    check_file: Callable[[], None] = lambda: None

    def check(self, taken: np.ndarray) -> np.ndarray:
        """Return features that were taken from `data`, which is too large to be looked at as a whole.

        Raises
        ------
        InputError : a number is not finite
        """
        import numpy as np

        if not np.isfinite(taken).all():
            raise InputError("features/data holds numbers that are not finite", self.path, "run mels and pack again")
        return taken

    def measure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each feature over the sounds as they are: (D,) float32 each.

        Raises
        ------
        InputError : a number is not finite
        """
        import numpy as np

        self.check_file()
        some = self.check(np.asarray(self.data[0, :: max(1, self.data.shape[1] // MEASURED)], np.float64))
        return some.mean(0).astype(np.float32), (some.std(0) + 1e-3).astype(np.float32)


class SpeechWindows(Protocol):
    """Cuts windows out of the recordings of a pack's clips."""

    num_variants: int

    def cut(self, clips: np.ndarray, middles_s: np.ndarray, variants: np.ndarray | None = None) -> np.ndarray:
        """Cut one window for each moment, as a network takes it.

        Parameters
        ----------
        clips : shape (n,), row of the clip in the pack
        middles_s : shape (n,), seconds from the clip's start
        variants : shape (n,), which altered copy of the sound; 0 and None: the sound as it is

        Raises
        ------
        InputError : a number is not finite
        """


class MelWindows:
    """Windows of mels: (n, 1, M, T) float32; there are no variants of them.

    Parameters
    ----------
    mel : shape (N, M), the recordings end to end
    clips : a pack's table
    window : mel frames T of each
    """

    num_variants = 1

    def __init__(self, mel: np.ndarray, clips: np.ndarray, window: int = WINDOW) -> None:
        self.mel, self._clips, self._window = mel, clips, window

    def cut(self, clips: np.ndarray, middles_s: np.ndarray, variants: np.ndarray | None = None) -> np.ndarray:
        """See `SpeechWindows`."""
        import numpy as np

        rows = self._clips[clips]
        starts = window_start(middles_s, self._window)
        cut = windows(self.mel, starts, rows["first_mel"], rows["num_mels"], self._window)
        return np.ascontiguousarray(cut.transpose(0, 2, 1)[:, None])


class FeatureWindows:
    """Windows of speech features: (n, 21, 384) float32.

    Parameters
    ----------
    store : the recordings' features
    clips : a pack's table, with the columns of `schema.FEATURE_COLUMNS`
    """

    def __init__(self, store: FeatureStore, clips: np.ndarray) -> None:
        self._store, self._clips = store, clips
        self.num_variants = len(store.data)

    def cut(self, clips: np.ndarray, middles_s: np.ndarray, variants: np.ndarray | None = None) -> np.ndarray:
        """See `SpeechWindows`."""
        import numpy as np

        self._store.check_file()
        rows, (starts, parts) = self._clips[clips], window_places(middles_s)
        data, silence, firsts = self._store.data, self._store.silence, rows["first_feature"]
        if variants is None:
            data = data[0]
        else:
            firsts = np.asarray(variants, np.int64) * data.shape[1] + firsts
            data = data.reshape(-1, data.shape[2])
        with np.errstate(invalid="ignore"):  # looked at afterwards
            cut = cut_windows(data, starts, parts, silence, firsts, rows["num_features"])
        return self._store.check(cut)


class SoundWindows:
    """Windows of the sound itself: (n, 3200) float32 in [-1, 1]; there are no variants of it.

    Parameters
    ----------
    sound : shape (S,), int16, the recordings end to end
    clips : a pack's table, with the columns of `schema.SOUND_COLUMNS`
    """

    num_variants = 1

    def __init__(self, sound: np.ndarray, clips: np.ndarray) -> None:
        self.sound, self._clips = sound, clips

    def cut(self, clips: np.ndarray, middles_s: np.ndarray, variants: np.ndarray | None = None) -> np.ndarray:
        """See `SpeechWindows`."""
        rows = self._clips[clips]
        return cut_sound(self.sound, middles_s, rows["first_sample"], rows["num_samples"])


def cut_sound(sound: np.ndarray, middles_s: np.ndarray, firsts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Cut a window of 0.2 s around each moment; what lies outside of a recording is silent.

    Parameters
    ----------
    sound : shape (S,), int16, or float32 in [-1, 1], recordings end to end
    middles_s : shape (n,), seconds from the recording's start
    firsts, counts : shape (n,), where each recording begins, and its samples

    Returns
    -------
    shape (n, 3200), float32 in [-1, 1]
    """
    import numpy as np

    starts = np.round(np.asarray(middles_s) * SOUND_RATE).astype(np.int64) - SOUND_WINDOW // 2
    index = starts[:, None] + np.arange(SOUND_WINDOW)
    inside = (index >= 0) & (index < np.asarray(counts)[:, None])
    if not len(sound):
        return np.zeros(index.shape, np.float32)
    taken = sound[np.clip(index + np.asarray(firsts)[:, None], 0, len(sound) - 1)]
    scale = np.float32(1 if sound.dtype == np.float32 else 1 / SOUND_PEAK)
    return np.where(inside, taken.astype(np.float32) * scale, np.float32(0))


def make_windows(
    hears: str,
    mel: np.ndarray,
    clips: np.ndarray,
    features: FeatureStore | None,
    path: object,
    sound: np.ndarray | None = None,
    *,
    window: int = WINDOW,
) -> SpeechWindows:
    """Return what cuts the windows that a network hears.

    Parameters
    ----------
    hears : "mel", "encoder" or "sound"
    path : of the pack, for messages
    sound : shape (S,), int16, of the clips end to end, where there is any
    window : mel frames of a window of mels

    Raises
    ------
    InputError : the network hears speech features or the sound itself, and the pack has none, or others
    """
    if hears == MEL:
        return MelWindows(mel, clips, window)
    if hears == SOUND:
        if sound is None:
            hint = "make it again from lipsync mels --features mel,sound, or hear speech features (--speech encoder)"
            raise InputError("the pack has mels only, and the sound itself is needed", str(path), hint)
        return SoundWindows(sound, clips)
    if features is None:
        raise InputError(
            "the pack has mels only, and speech features are needed",
            str(path),
            "make it again from lipsync mels --features mel,encoder",
        )
    try:
        FeatureParameters().check_same(features.parameters)
    except InputError as error:
        raise InputError(error.fact, str(path), "make the pack again with this program") from error
    return FeatureWindows(features, clips)
