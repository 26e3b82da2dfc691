"""What a metric sees of one clip in one row; what several metrics need is computed once, and only when one asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import SILENCE

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule, Region
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.metrics.sync_embeddings import Embeddings
    from lipsync_cli.speech.transcript import Word

EMBED_EVERY = 5  # frames
NO_FRAMES = "only a video has whole frames"


@dataclass(frozen=True)
class FrameView:
    """One whole frame of a video as it streams by.

    Attributes
    ----------
    frame : shape (H, W, 3), uint8 RGB
    real : the ground truth's frame at the same time, of the same shape; None without a reference
    box : x0, y0, x1, y1 of the face, in pixels of the frame
    rule : how the crop is cut from the box
    number : of the frame in the clip
    """

    frame: np.ndarray
    real: np.ndarray | None
    box: np.ndarray
    rule: CropRule
    number: int


@dataclass
class ClipView:
    """One clip in one row: the faces that were drawn (or are real), and the sound they are shown with.

    What is not there raises `MetricUnavailableError` with its reason when it is asked for, so a metric need not check.

    Attributes
    ----------
    row : "model", "output", "copy", "wrong_audio", "frozen", "other_sound" or "ground_truth"
    clip, speaker : names
    crops : shape (n, S, S, 3), uint8 RGB
    frame : shape (n,), int64, ascending: numbers of the frames in the clip; frames without a face are left out
    middles : shape (n,), float64, s: the middle of each frame's time on screen
    fps : frames a second
    rule : how the crops were cut; `rule.mouth_region()` is the mouth's place in them
    tools : networks that were asked for
    truth_or_none : the same frames of the ground truth; itself in the row ground_truth; None without a reference
    source_or_none : shape (m, S, S, 3), the faces that the generator was given as reference
    mel_or_none : shape (T, 80), log-mel of the sound, row i centred at i / 80 s
    samples_or_none : shape (T,), float32, mono, 16 kHz, sample 0 at 0 s; packs hold mels only
    wide_or_none : shape (n, 224, 224, 3), uint8 RGB: the faces with more around them, as SyncNet sees them; made from
        whole frames if a family `needs_wide`
    words_or_none : what is said and when, on the clock of `middles`; in the row wrong_audio only what the other clip
        does not say
    wordless_reason : why there are no words, if there are none
    silent_reason : why there is no sound, if there is none
    shared : one for all rows of a clip: what is computed of pictures or of a sound that several of them have
    """

    row: str
    clip: str
    speaker: str
    crops: np.ndarray
    frame: np.ndarray
    middles: np.ndarray
    fps: float
    rule: CropRule
    tools: MetricNetworks
    truth_or_none: ClipView | None = None
    source_or_none: np.ndarray | None = None
    mel_or_none: np.ndarray | None = None
    samples_or_none: np.ndarray | None = None
    wide_or_none: np.ndarray | None = None
    silent_reason: str = "no sound"
    words_or_none: tuple[Word, ...] | None = None
    wordless_reason: str = "no transcript"
    shared: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.crops)

    @property
    def mouth(self) -> Region:
        """First row, last row + 1, first column, last column + 1 of the mouth in the crop."""
        return self.rule.mouth_region()

    @property
    def truth(self) -> ClipView:
        """The same frames of the ground truth, whose landmarks and embeddings are shared by all rows."""
        if self.truth_or_none is None:
            raise MetricUnavailableError("no reference")
        return self.truth_or_none

    @property
    def real(self) -> np.ndarray:
        """Crops of the ground truth, shape (n, S, S, 3), uint8 RGB."""
        return self.truth.crops

    @property
    def source(self) -> np.ndarray:
        """Crops that show whose face it should be: shape (m, S, S, 3), uint8 RGB."""
        if self.source_or_none is None:
            raise MetricUnavailableError("no picture of the person it should be")
        return self.source_or_none

    @property
    def wide(self) -> np.ndarray:
        """The faces with more around them, from whole frames: shape (n, 224, 224, 3), uint8 RGB."""
        if self.wide_or_none is None:
            raise MetricUnavailableError(NO_FRAMES)
        return self.wide_or_none

    @property
    def mel(self) -> np.ndarray:
        """Log-mel of the sound: shape (T, 80), row i centred at i / 80 s."""
        if self.mel_or_none is None:
            raise MetricUnavailableError(self.silent_reason)
        return self.mel_or_none

    @property
    def samples(self) -> np.ndarray:
        """The sound itself: shape (T,), float32, mono, 16 kHz, sample 0 at 0 s."""
        if self.samples_or_none is None:
            raise MetricUnavailableError(
                self.silent_reason if self.mel_or_none is None else "only the mels of the sound are there"
            )
        return self.samples_or_none

    @property
    def words(self) -> tuple[Word, ...]:
        """What is said and when, from the clip's transcript."""
        if self.words_or_none is None:
            raise MetricUnavailableError(self.wordless_reason)
        if not self.words_or_none:
            raise MetricUnavailableError("no word of the transcript is said here")
        return self.words_or_none

    @cached_property
    def landmarks(self) -> np.ndarray:
        """The 68 points of dlib's predictor: shape (n, 68, 2), float64, x and y in pixels of the crop."""
        from lipsync_cli.faces.landmarks import find_landmarks

        return find_landmarks(self.tools.landmark_model(), self.crops, self.rule)

    @property
    def embedded(self) -> np.ndarray:
        """Which crops have an embedding, as indices, shape (k,): every fifth; the network is slow."""
        return np.arange(0, len(self), EMBED_EVERY)

    @cached_property
    def embeddings(self) -> np.ndarray:
        """Those faces as 128 numbers each by dlib's recognition network: shape (k, 128), float64."""
        return self.tools.embed_faces(self.crops[self.embedded], self.rule)

    @cached_property
    def source_embeddings(self) -> np.ndarray:
        """The same of every fifth picture of the source: shape (m', 128)."""
        truth = self.truth_or_none
        if truth is not None and truth is not self and truth.source_or_none is self.source_or_none:
            return truth.source_embeddings
        return self.tools.embed_faces(self.source[::EMBED_EVERY], self.rule)

    @cached_property
    def sync(self) -> Embeddings:
        """The clip as the sync expert sees it."""
        from lipsync_cli.datasets.sync_windows import find_middles
        from lipsync_cli.metrics.sync_embeddings import Embeddings, embed_pictures, embed_sound

        mel = self.mel
        if mel.max() <= SILENCE:
            raise MetricUnavailableError("the sound is silent")
        expert, device, place = self.tools.expert(self.rule), self.tools.device, find_middles(self.frame)
        middles = self.middles[np.searchsorted(self.frame, place)]
        faces = self._share("faces", self.crops, lambda: embed_pictures(expert, self.crops, self.frame, device))
        return Embeddings(faces, self._share("speech", mel, lambda: embed_sound(expert, mel, middles, device)), place)

    def _share(self, name: str, array: np.ndarray, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Give what a row of this clip has made of this very array before, or make it."""
        key = name, id(array)
        if key not in self.shared:
            self.shared[key] = array, make()  # the array is kept, so that no other one takes its id
        return self.shared[key][1]
