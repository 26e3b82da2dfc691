"""What a table of frames is made from: a pack on disk, or one person's speech in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.speech.speech_windows import FeatureStore


class ClipSource(Protocol):
    """Frames of some clips, one clip after the other, and the mels of their sound."""

    @property
    def path(self) -> Path:
        """Of the file, for messages."""

    @property
    def clips(self) -> np.ndarray:
        """Table of the clips: name, speaker, split, first_frame, num_frames, first_mel and num_mels of each."""

    @property
    def frame_middle(self) -> np.ndarray:
        """Shape (N,), float64, s: the middle of each frame's time on screen, in its clip."""

    @property
    def has_face(self) -> np.ndarray:
        """Shape (N,), bool."""

    @property
    def mel(self) -> np.ndarray:
        """Shape (T, 80), float32, 80 frames a second."""

    @property
    def sound(self) -> np.ndarray | None:
        """Shape (S,), int16, 16 kHz: the same sound itself, where it is there."""

    @property
    def features(self) -> FeatureStore | None:
        """Speech features of the same sound, where there are any."""
