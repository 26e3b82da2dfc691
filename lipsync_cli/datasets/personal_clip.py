"""One person's speech in memory, in the place of a pack: most of it to learn from, its end held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import MIN_GAP
from lipsync_cli.formats import schema

if TYPE_CHECKING:
    from lipsync_cli.datasets.frame_table import FrameTable
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.speech.speech_windows import FeatureStore

TAIL_SHARE = 0.15  # of the frames, held out
APART_S = 0.2  # between what is learnt from and what is held out
MIN_FRAMES = 30  # with fewer, there is nothing to hold out
MAX_HELD_OUT = 32  # frames that are judged


class Pairs(NamedTuple):
    """Frames of like pose, by their numbers in a recording.

    Attributes
    ----------
    reference : shape (m,)
    target : shape (m, k), of the same part of the recording
    posed : shape (m, k, S, S, 3), uint8 RGB, the targets in the very pose of their reference
    """

    reference: np.ndarray
    target: np.ndarray
    posed: np.ndarray


@dataclass(frozen=True)
class PersonalClip:
    """What `FrameTable` and `Source` take of a pack, of one video.

    Attributes
    ----------
    path : of the video, for messages
    crops : shape (n, S, S, 3), uint8 RGB, in order of time; all with a face
    frame_middle : shape (n,), float64, s: the middle of each frame's time on screen, as the mels count time
    mel : shape (T, 80), float32
    crop_rule : of the crops
    reference : shape (S, S, 3), uint8 RGB: the one face whose pixels are moved, in the pose of all; None: any of them
    pairs : of like pose, where there is no such reference; None: any two frames
    features : speech features of the sound, for generators that hear them
    sound : shape (S,), int16, 16 kHz, for generators that hear it
    """

    path: Path
    crops: np.ndarray
    frame_middle: np.ndarray
    mel: np.ndarray
    crop_rule: CropRule
    reference: np.ndarray | None = None
    pairs: Pairs | None = None
    features: FeatureStore | None = None
    sound: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the length."""
        if len(self.crops) < MIN_FRAMES:
            raise ValueError(f"a recording needs {MIN_FRAMES} frames, not {len(self.crops)}")

    @property
    def has_face(self) -> np.ndarray:
        """Shape (n,), bool."""
        return np.ones(len(self.crops), bool)

    @cached_property
    def clips(self) -> np.ndarray:
        """Table of a pack: the part to learn from, what lies between, and the end."""
        total = len(self.crops)
        tail = total - max(1, round(TAIL_SHARE * total))
        close = int((self.frame_middle > self.frame_middle[tail] - APART_S).argmax())
        end = max(close, 2 * MIN_GAP + 1)
        edges = [0, end, max(tail, end), total]
        columns = ["name", "speaker", "split", "first_frame", "num_frames", "first_mel", "num_mels"]
        columns += schema.FEATURE_COLUMNS
        num_features = 0 if self.features is None else self.features.data.shape[1]
        rows = [
            (split, "", split, first, last - first, 0, len(self.mel), num_features, 0)
            for split, first, last in zip(("train", "unused", "val"), edges, edges[1:], strict=False)
        ]
        return np.array(rows, [(name, "U8" if place < 3 else "i8") for place, name in enumerate(columns)])

    def draw_held_out(self, table: FrameTable, seed: int = 0) -> Draw:
        """Draw held-out frames to score, with quiet references and mismatched audio from the part that is learnt from.

        Parameters
        ----------
        table : of the split "train"
        """
        learnt, tail = self.clips[0], self.clips[2]
        first, count = int(tail["first_frame"]), int(tail["num_frames"])
        targets = np.unique(np.linspace(first, first + count - 1, min(count, MAX_HELD_OUT)).round().astype(np.int64))
        rng = np.random.default_rng([seed, count])
        references = rng.choice(table.quiet_frames(0), len(targets))
        mismatched = rng.integers(0, int(learnt["num_frames"]), len(targets))
        return Draw(references, targets, mismatched)
