"""Five consecutive frames and the sound of the one in their middle: what a sync expert is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.frame_table import fetch_pixels
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.models.sync_expert import FRAMES
from lipsync_cli.speech.mel import WINDOW

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.frame_table import Crops, FrameTable

REACH = FRAMES // 2


class Windows(NamedTuple):
    """Windows of C clips, K of each.

    Attributes
    ----------
    faces : shape (C, K, 5, 3, S, S), RGB in [0, 1]; or (C, K, 5, 3, S / 2, S), the lower halves alone
    mel : shape (C * K, 1, M, 27), of the middle frames
    clip : shape (C * K,), row of the clip in the pack
    place : shape (C * K,), number of the middle frame in the pack
    """

    faces: Tensor
    mel: Tensor
    clip: np.ndarray
    place: np.ndarray


class WindowTable:
    """The frames of a split that have two neighbours with a face on either side.

    Raises
    ------
    NothingToDoError : if there is none
    """

    def __init__(self, table: FrameTable) -> None:
        self.table = table
        middles = {row: find_middles(table.frames[row]) for row in table.rows}
        self.middles = {row: frames for row, frames in middles.items() if len(frames)}
        self.rows = list(self.middles)
        if not self.rows:
            raise NothingToDoError(f"no clip of the split has {FRAMES} consecutive frames with a face", table.path)

    def draw(self, clips: int, per_clip: int, temperature: float, seed: int, step: int) -> np.ndarray:
        """Draw the windows of one training step; the same seed and step give the same ones.

        Parameters
        ----------
        clips, per_clip : C different clips (as far as there are so many) and K different windows of each
        temperature : as in `datasets.frame_table.Sampling`

        Returns
        -------
        shape (C, K), numbers of the middle frames, ascending in a clip
        """
        rng = np.random.default_rng([seed, step])
        probabilities = self.table.clip_probabilities(temperature)[[self.table.rows.index(row) for row in self.rows]]
        rows = rng.choice(self.rows, clips, replace=clips > len(self.rows), p=probabilities / probabilities.sum())
        drawn = []
        for row in rows:
            frames = self.middles[int(row)]
            drawn.append(np.sort(rng.choice(frames, per_clip, replace=len(frames) < per_clip)))
        return np.array(drawn)


def find_middles(frames: np.ndarray) -> np.ndarray:
    """Find the frames with two neighbours on either side: shape (n,) ascending frame numbers to (m,)."""
    steps = np.arange(-REACH, REACH + 1)
    return frames[np.isin(frames[:, None] + steps, frames).all(1)]


def gather_windows(crops: Crops, table: FrameTable, middles: np.ndarray, device: str = "cpu") -> Windows:
    """Fetch the pixels and mels of windows.

    Parameters
    ----------
    crops : as for `datasets.frame_table.gather`
    middles : shape (C, K), numbers of the middle frames
    """
    frames = middles[:, :, None] + np.arange(-REACH, REACH + 1)
    pixels = fetch_pixels(crops, frames.reshape(-1), device)
    faces = pixels.view(*frames.shape, *pixels.shape[1:])
    place = middles.reshape(-1)
    mel = table.fetch_windows(place, device, WINDOW).transpose(1, 2)[:, None].contiguous()
    return Windows(faces.permute(0, 1, 2, 5, 3, 4).float().div_(255), mel, table.clip_of[place], place)
