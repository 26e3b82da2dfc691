"""A small pack in memory, in which the mouth is as bright as the speech is loud, and generators of known worth."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from skimage.data import astronaut
from torch import Tensor, nn

from lipsync_cli.models.generated import Generated
from lipsync_cli.speech.mel import MelParameters

FRAMES, MELS, FPS = 40, 128, 25
MOUTH = (56, 88, 24, 72)


class MemoryPack:
    """What scoring needs of a pack: three clips of two speakers, their faces drifting to the right."""

    path = Path("memory.h5")
    fingerprint = "0" * 64
    mel_parameters = MelParameters()
    crop_rule = SimpleNamespace(size=96, mouth_region=lambda: MOUTH)

    def __init__(self) -> None:
        dtype = [("name", "U8"), ("speaker", "U8"), ("split", "U8"), *((c, "i8") for c in _COLUMNS)]
        self.clips = np.zeros(4, dtype)
        names = zip(("one", "two", "three", "four"), ("s1", "s1", "s2", "s2"), strict=True)
        for row, (name, speaker) in enumerate(names):
            split = "train" if name == "four" else "test"
            self.clips[row] = (name, speaker, split, FPS, 1, FRAMES, row * FRAMES, row * MELS, MELS)
        rng = np.random.default_rng(0)
        loudness = rng.uniform(-4, 4, (4, MELS // 16)).repeat(16, axis=1).ravel()
        self.mel = np.repeat(loudness[:, None], 80, axis=1).astype(np.float32)
        self.frame_middle = np.tile((np.arange(FRAMES) + 0.5) / FPS, 4)
        self.has_face = np.ones(4 * FRAMES, bool)
        self.has_face[5] = False
        centre = np.round(self.frame_middle * 80).astype(int) + np.repeat(np.arange(4), FRAMES) * MELS
        self._photo = astronaut()
        self._level = np.round((self.mel[centre, 0] + 4) / 8 * 255)

    def read_crops(self, indices: np.ndarray) -> np.ndarray:
        drift = np.asarray(indices) % FRAMES // 8
        crops = np.stack([self._photo[60:156, 175 - shift : 271 - shift] for shift in drift])
        crops[:, 60:84, 30:66] = self._level[indices][:, None, None, None]
        return crops


_COLUMNS = ("fps_num", "fps_den", "num_frames", "first_frame", "first_mel", "num_mels")


class Copier(nn.Module):
    """Shows the reference, whatever is said."""

    def forward(self, reference: Tensor, target: Tensor, mel: Tensor) -> Generated:
        return Generated(reference.repeat_interleave(len(target) // len(reference), 0))


class Listener(nn.Module):
    """Knows the face, and makes the mouth as bright as the speech is loud."""

    def forward(self, reference: Tensor, target: Tensor, mel: Tensor) -> Generated:
        image = target.clone()
        image[:, :, 60:84, 30:66] = (mel[:, :, 40, 13] + 4).div(8)[:, :, None, None]
        return Generated(image)


class Dreamer(nn.Module):
    """Knows the face, and does not listen: the mouth is grey."""

    def forward(self, reference: Tensor, target: Tensor, mel: Tensor) -> Generated:
        image = target.clone()
        image[:, :, 60:84, 30:66] = 0.5
        return Generated(image)
