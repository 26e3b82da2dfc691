"""The speech that drives the lips: its exact length, and the mel window of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.media.audio import SPEECH_RATE, read_speech_blocks
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.speech.mel import (
    FRAMES_PER_SECOND,
    LOWEST_DB,
    SILENCE,
    WINDOW,
    MelParameters,
    mel_levels,
    to_mel,
    window_start,
    windows,
)
from lipsync_cli.speech.vad import band_levels, fade, find_speech
from lipsync_cli.speech.vocal_tract import KnownVoices, find_factor, shift_formants
from lipsync_cli.synthesis.spool import Spool

if TYPE_CHECKING:
    import numpy as np

EXACT_S = Fraction(1, 1000)  # a header's length that is this close to the decoded one is right
BLOCK = 1024  # mel frames computed and kept at once
SAMPLED = 8  # blocks (102 s) of a voice by which its formants are found
SILENCES = ("close", "keep", "model")
FALL = round(0.1 * FRAMES_PER_SECOND)  # mel frames from speech to rest
RISE = round(0.05 * FRAMES_PER_SECOND)  # and back: the generator itself opens the mouth ahead of the sound
AROUND = round(0.1 * FRAMES_PER_SECOND)  # mel frames beside the speech in which lips still move
USUAL_DB = -31.0  # level of the speech in the GRID corpus (30 clips of speaker 1, as `find_speech` measures it)
MARGIN = 4  # mel frames whose sound is computed again at both ends of a block: more than half a transform


class Voice:
    """A context manager over the sound of a file as mels, which lie on disk: its length costs no memory.

    Parameters
    ----------
    path : a sound file, or a video with sound
    parameters : of the mels
    silence : what drives the mouth in the pauses: "close" fades to silence, so that it comes to rest; "keep" leaves the
        source's own (see `shown`); "model" takes what is heard, breath and noise
    known : voices that those who listen know; None: not told
    vtln : by how much the formants of this voice lie higher than theirs; None: as is heard

    Attributes
    ----------
    path, silence : as given
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

    def __init__(
        self,
        path: Path,
        parameters: MelParameters | None = None,
        silence: str = "close",
        known: KnownVoices | None = None,
        vtln: float | None = None,
    ) -> None:
        import numpy as np

        if silence not in SILENCES:
            raise UsageError(f"--silence {silence!r} is not known", hint=f"choose from {', '.join(SILENCES)}")
        self.path, self._parameters = path, parameters or MelParameters()
        info = probe(path)
        if info.audio is None:
            raise InputError("has no sound", path, "give a file with sound")
        self.is_silent, self._num_samples, self._num_rows = True, 0, 0
        self.silence = silence
        self._bands: list[np.ndarray] = []
        self._spool = Spool((BLOCK, self._parameters.n_mels), "float32")
        try:
            self._fill()
            if not self._num_samples:
                raise NothingToDoError("holds no sound", path)
        except BaseException:
            self._spool.close()
            raise
        activity = find_speech(np.concatenate(self._bands))
        self._bands.clear()
        speech = np.pad(activity.speech | activity.breath, (0, FALL + AROUND + 1))  # the fall after the last word
        self._gate = fade(speech, *((FALL, FALL, AROUND) if silence == "keep" else (RISE, FALL)))
        self.has_speech = activity.level_db is not None
        self._gain_db = 0.0 if activity.level_db is None else USUAL_DB - activity.level_db
        self.vtln = (1.0 if known is None else find_factor(self._sample(), known)) if vtln is None else vtln
        self.duration_s = _exact(info, Fraction(self._num_samples, self._parameters.sample_rate))

    def __enter__(self) -> Voice:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the room on disk back."""
        self._spool.close()

    def windows(self, middles_s: np.ndarray) -> np.ndarray:
        """Return the mel windows (n, 27, 80) of the frames whose middles are given in seconds, shape (n,)."""
        import numpy as np

        starts = window_start(np.asarray(middles_s))
        first = max(0, int(starts.min()))
        mel = self.mel(first, int(starts.max()) + WINDOW)
        if not len(mel):
            return np.full((len(starts), WINDOW, self._parameters.n_mels), SILENCE, np.float32)
        return windows(mel, starts - first)

    def mel(self, first: int, stop: int) -> np.ndarray:
        """Return the mel frames `first` ... `stop - 1`, as far as there are any, as they drive the mouth: (n, 80)."""
        import numpy as np

        start = first // BLOCK * BLOCK
        rows = [self._spool.read(block) for block in range(start // BLOCK, -(-stop // BLOCK)) if block in self._spool]
        if not rows:
            return np.zeros((0, self._parameters.n_mels), np.float32)
        mel = to_mel(np.concatenate(rows)[: self._num_rows - start], self._parameters, self._gain_db)
        mel = shift_formants(mel, self.vtln)
        if self.silence == "close":
            mel = SILENCE + self._gate[start : start + len(mel), None] * (mel - SILENCE)
        return mel[first - start : stop - start]

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
        """Give mels from all over the file, at most SAMPLED blocks of them: (n, 80)."""
        import numpy as np

        blocks = np.unique(np.linspace(0, len(self._spool) - 1, min(len(self._spool), SAMPLED)).round().astype(int))
        rows = [self._spool.read(int(block))[: self._num_rows - int(block) * BLOCK] for block in blocks]
        return to_mel(np.concatenate(rows), self._parameters, self._gain_db)

    def _fill(self) -> None:
        """Compute the mels of the whole file, a block at a time."""
        import numpy as np

        hop = self._parameters.hop_length
        held = np.zeros(MARGIN * hop, np.float32)  # what comes before the sound is silence
        with closing(read_speech_blocks(self.path, self._parameters.sample_rate)) as pieces:  # type: ignore[type-var]
            for piece in self._counted(pieces):
                held = np.concatenate([held, piece])
                while len(held) >= (BLOCK + 2 * MARGIN) * hop:
                    levels = mel_levels(held[: (BLOCK + 2 * MARGIN) * hop], self._parameters)
                    self._keep(levels[MARGIN : MARGIN + BLOCK])
                    held = held[BLOCK * hop :]
        rows = mel_levels(held, self._parameters)[MARGIN:]
        for first in range(0, len(rows), BLOCK):
            self._keep(rows[first : first + BLOCK])

    def _counted(self, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for piece in pieces:
            self._num_samples += len(piece)
            self.is_silent = self.is_silent and not piece.any()
            yield piece

    def _keep(self, rows: np.ndarray) -> None:
        import numpy as np

        padded = np.full((BLOCK, self._parameters.n_mels), LOWEST_DB, np.float32)
        padded[: len(rows)] = rows
        self._bands.append(band_levels(rows))
        self._spool.write(len(self._spool), padded)
        self._num_rows += len(rows)


def sound_duration(path: Path) -> Fraction:
    """Return the length in seconds of a file's sound as `Voice.duration_s` tells it; errors are those of `Voice`."""
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
