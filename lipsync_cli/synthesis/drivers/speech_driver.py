"""The speech that drives the lips: its exact length, and the window of sound of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.sound.audio import SPEECH_RATE, read_speech_blocks
from lipsync_cli.speech.mel import (
    FRAMES_PER_SECOND,
    SILENCE,
    WINDOW,
    MelParameters,
    mel_levels,
    to_mel,
    window_start,
    windows,
)
from lipsync_cli.speech.speech_features import HOP as FEATURE_HOP
from lipsync_cli.speech.speech_features import RATE as FEATURE_RATE
from lipsync_cli.speech.speech_features import WINDOW as FEATURE_WINDOW
from lipsync_cli.speech.speech_features import (
    Encode,
    FeatureStream,
    cut_windows,
    encode_silence,
    log_power,
    whisper_mel,
    window_places,
)
from lipsync_cli.speech.speech_windows import ENCODER, MEL, SOUND, SOUND_RATE, SOUND_WINDOW, cut_sound
from lipsync_cli.speech.vad import band_levels, fade, find_speech
from lipsync_cli.speech.vtln import KnownVoices, find_factor, shift_formants
from lipsync_cli.synthesis.drivers.row_stream import BLOCK, RowStream

if TYPE_CHECKING:
    import numpy as np

EXACT_S = Fraction(1, 1000)  # a header's length that is this close to the decoded one is right
SAMPLED = 8  # blocks (102 s) of a voice by which its formants are found
SILENCES = ("close", "keep", "model")
FALL = round(0.1 * FRAMES_PER_SECOND)  # mel frames from speech to rest
RISE = round(0.05 * FRAMES_PER_SECOND)  # and back: the generator itself opens the mouth ahead of the sound
AROUND = round(0.1 * FRAMES_PER_SECOND)  # mel frames beside the speech in which lips still move
USUAL_DB = -31.0  # level of the speech in the GRID corpus (30 clips of speaker 1, as `find_speech` measures it)
SOUND_ROW = 80  # samples that lie in one row, where the sound itself is heard


class SpeechDriver:
    """A context manager over the sound of a file as spectrograms, which lie on disk: its length costs no memory.

    Parameters
    ----------
    path : a sound file, or a video with sound
    parameters : of the mels
    silence : what drives the mouth in the pauses: "close" fades to silence, so that it comes to rest; "keep" leaves the
        source's own (see `shown`); "model" takes what is heard, breath and noise
    known : voices that those who listen know; None: not told
    vtln : by how much the formants of this voice lie higher than theirs; None: as is heard
    hears : what the generator hears: "mel", "encoder" for speech features, or "sound" for samples
    window : mel frames T of a window of mels

    Attributes
    ----------
    path, silence : as given
    has_sound : it can be heard
    facts : what it depends on besides: nothing
    vtln : the factor by which its formants are brought down to those of the known voices
    duration_s : length of the sound
    is_silent : whether all of it is digital silence
    has_speech : whether there is anything but silence and steady noise

    Notes
    -----
    The mels are those of the voice brought to the usual level, so that its loudness does not matter.

    Raises
    ------
    InputError : the file is missing, damaged, or has no sound
    NothingToDoError : the sound has no length
    """

    has_sound = True
    facts: tuple[str, ...] = ()

    def __init__(
        self,
        path: Path,
        parameters: MelParameters | None = None,
        silence: str = "close",
        known: KnownVoices | None = None,
        vtln: float | None = None,
        hears: str = MEL,
        *,
        window: int = WINDOW,
    ) -> None:
        import numpy as np

        if silence not in SILENCES:
            raise UsageError(f"--silence {silence!r} is not known", hint=f"choose from {', '.join(SILENCES)}")
        self.path, self._parameters = path, parameters or MelParameters()
        info = probe(path)
        if info.audio is None:
            raise InputError("has no sound", path, "give a file with sound")
        self.is_silent, self._num_samples = True, 0
        self.silence, self.hears, self._window = silence, hears, window
        bands: list[np.ndarray] = []
        self._levels = RowStream(
            lambda sound: mel_levels(sound, self._parameters),
            self._parameters.hop_length,
            lambda rows: bands.append(band_levels(rows)),
            self._parameters.n_mels,
        )
        self._powers = RowStream(log_power, FEATURE_HOP) if hears == ENCODER else None
        self._sound = RowStream(_lay_in_rows, SOUND_ROW, width=SOUND_ROW) if hears == SOUND else None
        self._stream: FeatureStream | None = None
        self._silent: np.ndarray | None = None
        try:
            self._fill()
            if not self._num_samples:
                raise NothingToDoError("holds no sound", path)
        except BaseException:
            self.close()
            raise
        activity = find_speech(np.concatenate(bands))
        speech = np.pad(activity.speech | activity.breath, (0, FALL + AROUND + 1))  # the fall after the last word
        self._gate = fade(speech, *((FALL, FALL, AROUND) if silence == "keep" else (RISE, FALL)))
        self.has_speech = activity.level_db is not None
        self._gain_db = 0.0 if activity.level_db is None else USUAL_DB - activity.level_db
        self.vtln = (1.0 if known is None else find_factor(self._sample(), known)) if vtln is None else vtln
        self.duration_s = _exact(info, Fraction(self._num_samples, self._parameters.sample_rate))

    def __enter__(self) -> SpeechDriver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the room on disk back."""
        for rows in self._kinds():
            rows.close()

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        """Return the windows of sound of the frames whose middles are given in seconds, shape (n,).

        Parameters
        ----------
        encode : the speech encoder, where speech features are heard

        Returns
        -------
        shape (n, T, M) of mels, (n, 21, 384) of speech features, or (n, 3200) of samples
        """
        import numpy as np

        if self._sound is not None:
            return self._sound_windows(self._sound, np.asarray(middles_s))
        if self._powers is not None:
            assert encode is not None
            starts, parts = window_places(middles_s)
            first = max(0, int(starts.min()))
            heard = self.features(encode, first, int(starts.max()) + FEATURE_WINDOW + 1)
            return cut_windows(heard, starts - first, parts, self._silence(encode))

        starts = window_start(np.asarray(middles_s), self._window)
        first = max(0, int(starts.min()))
        mel = self.mel(first, int(starts.max()) + self._window)
        if not len(mel):
            return np.full((len(starts), self._window, self._parameters.n_mels), SILENCE, np.float32)
        return windows(mel, starts - first, window=self._window)

    def _sound_windows(self, rows: RowStream, middles_s: np.ndarray) -> np.ndarray:
        """Return windows of samples at the usual level; pauses fade to silence if they are to."""
        import numpy as np

        reach = SOUND_WINDOW // 2 + SOUND_ROW
        first = max(0, int(middles_s.min() * SOUND_RATE - reach) // SOUND_ROW)
        kept = rows.read(first, int(middles_s.max() * SOUND_RATE + reach) // SOUND_ROW + 1).reshape(-1)
        samples = kept * np.float32(10 ** (self._gain_db / 20))
        if self.silence == "close" and len(samples):
            times = (first * SOUND_ROW + np.arange(len(samples))) * (FRAMES_PER_SECOND / SOUND_RATE)
            samples *= np.interp(times, np.arange(len(self._gate)), self._gate).astype(np.float32)
        counts = np.full(len(middles_s), len(samples))
        return cut_sound(samples, middles_s - first * SOUND_ROW / SOUND_RATE, np.zeros_like(counts), counts)

    def mel(self, first: int, stop: int) -> np.ndarray:
        """Return the mel frames `first` ... `stop - 1`, as far as there are any, as they drive the mouth: (n, M)."""
        import numpy as np

        rows = self._levels.read(first, stop)
        if not len(rows):
            return np.zeros((0, self._parameters.n_mels), np.float32)
        mel = shift_formants(to_mel(rows, self._parameters, self._gain_db), self.vtln)
        if self.silence == "close":
            mel = SILENCE + self._gate[first : first + len(mel), None] * (mel - SILENCE)
        return mel

    @property
    def num_features(self) -> int:
        """How many feature frames there are; none where mels are heard."""
        return 0 if self._powers is None else (self._powers.num_rows + 1) // 2

    def features(self, encode: Encode, first: int, stop: int) -> np.ndarray:
        """Return the feature frames `first` ... `stop - 1`, as far as there are any, as they drive the mouth."""
        import numpy as np

        assert self._powers is not None
        if self._stream is None:
            self._stream = FeatureStream(self._encoder_mel, self._powers.num_rows, encode)
        heard = self._stream.frames(first, stop)
        if self.silence == "close" and len(heard):
            times = (first + np.arange(len(heard))) * (FRAMES_PER_SECOND / FEATURE_RATE)
            gate = np.interp(times, np.arange(len(self._gate)), self._gate).astype(np.float32)[:, None]
            heard = self._silence(encode) + gate * (heard - self._silence(encode))
        return heard

    def _encoder_mel(self, first: int, stop: int) -> np.ndarray:
        """Return the rows `first` ... `stop - 1` of the spectrogram that the encoder hears."""
        assert self._powers is not None
        return shift_formants(whisper_mel(self._powers.read(first, stop), self._gain_db), self.vtln)

    def _silence(self, encode: Encode) -> np.ndarray:
        if self._silent is None:
            self._silent = encode_silence(encode)
        return self._silent

    def speech(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much some moments count as speech, (n,) float32: 1 in it, 0 in pauses and outside the sound."""
        import numpy as np

        rows = window_start(np.asarray(middles_s)) + WINDOW // 2
        inside = (rows >= 0) & (rows < len(self._gate))
        return np.where(inside, self._gate[np.clip(rows, 0, len(self._gate) - 1)], 0).astype(np.float32)

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        """Return how much of the drawn mouth is shown at some moments, (n,) float32: less than 1 in pauses if kept."""
        import numpy as np

        return self.speech(middles_s) if self.silence == "keep" else np.ones(len(middles_s), np.float32)

    def _sample(self) -> np.ndarray:
        """Give mels from all over the file, at most SAMPLED blocks of them: (n, M)."""
        import numpy as np

        total = -(-self._levels.num_rows // BLOCK)
        blocks = np.unique(np.linspace(0, total - 1, min(total, SAMPLED)).round().astype(int))
        rows = [self._levels.read(int(block) * BLOCK, (int(block) + 1) * BLOCK) for block in blocks]
        return to_mel(np.concatenate(rows), self._parameters, self._gain_db)

    def _fill(self) -> None:
        """Compute the spectrograms of the whole file, a block at a time."""
        kinds = self._kinds()
        with closing(read_speech_blocks(self.path, self._parameters.sample_rate)) as pieces:  # type: ignore[type-var]
            for piece in self._counted(pieces):
                for rows in kinds:
                    rows.add(piece)
        for rows in kinds:
            rows.end()

    def _kinds(self) -> list[RowStream]:
        return [rows for rows in (self._levels, self._powers, self._sound) if rows is not None]

    def _counted(self, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for piece in pieces:
            self._num_samples += len(piece)
            self.is_silent = self.is_silent and not piece.any()
            yield piece


def _lay_in_rows(samples: np.ndarray) -> np.ndarray:
    """Lay samples (n,) in rows of SOUND_ROW, the last one filled with silence."""
    import numpy as np

    return np.pad(samples, (0, -len(samples) % SOUND_ROW)).reshape(-1, SOUND_ROW).astype(np.float32)


def sound_duration(path: Path) -> Fraction:
    """Return the length in seconds of a file's sound as `SpeechDriver.duration_s` tells it, or raise what that does."""
    info = probe(path)
    if info.audio is None:
        raise InputError("has no sound", path, "give a file with sound")
    with closing(read_speech_blocks(path)) as pieces:  # type: ignore[type-var]
        num_samples = sum(len(piece) for piece in pieces)
    if not num_samples:
        raise NothingToDoError("holds no sound", path)
    return _exact(info, Fraction(num_samples, SPEECH_RATE))


def _exact(info: MediaInfo, decoded_s: Fraction) -> Fraction:
    """Return a sound file's own length where it agrees with what was decoded, at another rate."""
    told_s = info.audio.duration_s if info.audio is not None and info.video is None else None
    return told_s if told_s is not None and abs(told_s - decoded_s) <= EXACT_S else decoded_s
