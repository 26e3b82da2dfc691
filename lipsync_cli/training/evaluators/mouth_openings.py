"""How far the mouths of a pack are open, for networks that learn to hear it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.datasets.frame_table import fetch_pixels
from lipsync_cli.errors import ToolError
from lipsync_cli.faces.landmarks import find_landmarks, load_predictor
from lipsync_cli.metrics.mouth.movement import opening

if TYPE_CHECKING:
    from lipsync_cli.training.engine.batch_source import Source

MOST_FRAMES = 65_536  # looked at: more teach little, and each takes 3 ms
_TOGETHER = 256


def measure_openings(
    source: Source,
    *,
    most_frames: int = MOST_FRAMES,
    load: Callable[[], Any] = load_predictor,
    find: Callable[..., np.ndarray] = find_landmarks,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how far the mouth is open in the frames of a split, at most `most_frames` of them, evenly spread.

    Parameters
    ----------
    load : gives the predictor of landmarks, None if it is not installed
    find : finds landmarks with it, as `faces.landmarks.find_landmarks`

    Returns
    -------
    frames : shape (n,), numbers of frames in the pack, in order
    openings : shape (n,) float32, in standard deviations of their speaker's from the speaker's mean

    Raises
    ------
    ToolError : dlib's landmarks are not installed
    """
    predictor = load()
    if predictor is None:
        raise ToolError("the recipe needs dlib's landmarks", hint="pip install 'lipsync-cli[models]'")
    table = source.table
    frames = np.concatenate([table.frames[row] for row in table.rows])
    frames = frames[np.unique(np.linspace(0, len(frames) - 1, min(len(frames), most_frames)).round().astype(int))]
    measured = np.empty(len(frames), np.float32)
    for first in range(0, len(frames), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        crops = fetch_pixels(source.crops, frames[part], "cpu").cpu().numpy()
        measured[part] = opening(find(predictor, crops, source.crop_rule, looks=1))
    speakers = dict(zip(table.rows, table.speaker, strict=True))
    speaker = np.array([speakers[row] for row in table.clip_of[frames]])
    for name in np.unique(speaker):
        own = speaker == name
        measured[own] = (measured[own] - measured[own].mean()) / (measured[own].std() + 1e-6)
    return frames, measured
