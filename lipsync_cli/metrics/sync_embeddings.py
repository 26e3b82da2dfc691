"""Lip sync from a sync expert's embeddings: offset, confidence and distance of a clip, and right or wrong of pairs.

Offset, confidence and distance are SyncNet's (Chung and Zisserman 2016): the mean distance of pictures and sounds as a
function of the shift between them, its lowest value and how far that lies below the median. SyncNet fills up with zero
vectors past the ends of a clip; here the mean is over what overlaps, so that short clips are not at a disadvantage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.frame_table import MIN_GAP
from lipsync_cli.datasets.sync_windows import REACH, find_middles, gather_windows
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.speech.mel import window_start, windows

if TYPE_CHECKING:
    from lipsync_cli.datasets.frame_table import Crops, FrameTable
    from lipsync_cli.datasets.sync_windows import WindowTable
    from lipsync_cli.models.sync_expert import SyncExpert

MAX_SHIFT = 15  # frames, as in SyncNet's scripts
MIN_OVERLAP = 5  # windows that a shift must be judged by
RIGHT, SHIFTED, OTHER = 0, 1, 2  # kinds of pairs
_BATCH = 64


class Sync(NamedTuple):
    """How a clip's pictures and sound lie to each other.

    Attributes
    ----------
    offset : frames; above zero: the sound comes early (SyncNet's sign)
    offset_ms : the same in ms
    confidence : median of the curve minus its minimum; near zero: nothing is in sync with anything
    distance : minimum of the curve, between unit vectors, so in [0, 2]
    curve : shape (2 * max_shift + 1,), mean distance at offsets -max_shift ... max_shift; NaN where too little overlaps
    """

    offset: int
    offset_ms: float
    confidence: float
    distance: float
    curve: np.ndarray


class Embeddings(NamedTuple):
    """A clip as a sync expert sees it; `place` are the numbers of the windows' middle frames, ascending.

    Attributes
    ----------
    faces, speech : shape (n, D), unit vectors
    place : shape (n,)
    """

    faces: np.ndarray
    speech: np.ndarray
    place: np.ndarray


class Pairs(NamedTuple):
    """Pictures and sounds, a half of them in sync.

    Attributes
    ----------
    face : shape (n,), middle frame of the pictures
    speech : shape (n,), the frame whose sound it is
    kind : shape (n,), RIGHT, SHIFTED (same clip, 6 or more frames away) or OTHER (of another clip)
    """

    face: np.ndarray
    speech: np.ndarray
    kind: np.ndarray


def find_offset(clip: Embeddings, fps: float = 25.0, max_shift: int = MAX_SHIFT) -> Sync:
    """Find the shift at which pictures and sound fit best.

    Parameters
    ----------
    fps : frames a second, for `offset_ms`
    max_shift : largest shift tried, in frames

    Raises
    ------
    NothingToDoError : the clip is too short for any shift
    """
    curve = np.full(2 * max_shift + 1, np.nan)
    for offset in range(-max_shift, max_shift + 1):  # pictures of frame t with the sound of frame t - offset
        _, face, speech = np.intersect1d(clip.place, clip.place + offset, assume_unique=True, return_indices=True)
        if len(face) >= MIN_OVERLAP:
            gap = clip.faces[face] - clip.speech[speech]
            curve[offset + max_shift] = np.sqrt(np.square(gap).sum(1)).mean()
    if np.isnan(curve).all():
        raise NothingToDoError(f"fewer than {MIN_OVERLAP} windows of consecutive faces: sync cannot be measured")
    best = int(np.nanargmin(curve))
    offset, lowest = best - max_shift, float(curve[best])
    return Sync(offset, 1000 * offset / fps, float(np.nanmedian(curve)) - lowest, lowest, curve)


def shift_speech(clip: Embeddings, frames: int) -> Embeddings:
    """Let the sound come later by so many frames (earlier if below zero), and keep what still has both."""
    _, face, speech = np.intersect1d(clip.place, clip.place + frames, assume_unique=True, return_indices=True)
    return Embeddings(clip.faces[face], clip.speech[speech], clip.place[face])


def embed(expert: SyncExpert, crops: Crops, table: FrameTable, middles: np.ndarray, device: str = "cpu") -> Embeddings:
    """Embed windows.

    Parameters
    ----------
    expert : in evaluation mode, on `device`
    crops, table : as for `datasets.sync_windows.gather_windows`
    middles : shape (n,), numbers of the middle frames, ascending
    """
    import torch

    faces: list[np.ndarray] = []
    speech: list[np.ndarray] = []
    with torch.inference_mode():
        for first in range(0, len(middles), _BATCH):
            part = gather_windows(crops, table, middles[None, first : first + _BATCH], device)
            lower = part.faces[0, ..., part.faces.shape[-2] // 2 :, :]
            for found, made in zip((faces, speech), expert(lower, part.mel), strict=True):
                found.append(made.float().cpu().numpy())
    return Embeddings(np.concatenate(faces), np.concatenate(speech), middles)


def embed_pictures(expert: SyncExpert, crops: np.ndarray, frame: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Embed the faces of every window of one clip.

    Parameters
    ----------
    expert : in evaluation mode, on `device`
    crops : shape (n, S, S, 3), uint8 RGB
    frame : shape (n,), ascending: number of each crop's frame in the clip

    Returns
    -------
    shape (m, D), of the windows around `find_middles(frame)`
    """
    import torch

    index = np.searchsorted(frame, find_middles(frame))
    around = index[:, None] + np.arange(-REACH, REACH + 1)
    shown = around[:1] if not crops.strides[0] else around  # one picture throughout: all windows are alike
    faces: list[np.ndarray] = []
    with torch.inference_mode():
        for first in range(0, len(shown), _BATCH):
            pixels = torch.from_numpy(crops[shown[first : first + _BATCH], crops.shape[1] // 2 :]).to(device)
            pictures = pixels.permute(0, 1, 4, 2, 3).float().div_(255)
            faces.append(expert.embed_faces(pictures).float().cpu().numpy())
    if not faces:
        return np.zeros((0, 1), np.float32)
    found = np.concatenate(faces)
    return found if len(shown) == len(around) else found.repeat(len(around), axis=0)


def embed_sound(expert: SyncExpert, mel: np.ndarray, middles: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Embed the sound of windows.

    Parameters
    ----------
    expert : in evaluation mode, on `device`
    mel : shape (T, 80)
    middles : shape (m,), s: the middle of each window's middle frame's time on screen

    Returns
    -------
    shape (m, D)
    """
    import torch

    sound = windows(mel, window_start(middles))
    speech: list[np.ndarray] = []
    with torch.inference_mode():
        for first in range(0, len(sound), _BATCH):
            mels = torch.from_numpy(sound[first : first + _BATCH]).to(device).transpose(1, 2)[:, None].contiguous()
            speech.append(expert.embed_speech(mels).float().cpu().numpy())
    return np.concatenate(speech) if speech else np.zeros((0, 1), np.float32)


def draw_pairs(table: WindowTable, count: int = 1000, seed: int = 0) -> Pairs:
    """Draw pairs: a half right, a quarter of the same clip 6 or more frames away, a quarter of another clip.

    Where there is one clip only, all mismatched pairs are of the second kind.

    Raises
    ------
    NothingToDoError : a clip is too short for a pair that does not match
    """
    rng = np.random.default_rng([seed, count])
    kind = np.resize([RIGHT, SHIFTED, RIGHT, OTHER if len(table.rows) > 1 else SHIFTED], count)
    face, speech = np.empty(count, np.int64), np.empty(count, np.int64)
    for number in range(count):
        row = table.rows[rng.integers(len(table.rows))]
        frames = table.middles[row]
        face[number] = rng.choice(frames)
        if kind[number] == RIGHT:
            speech[number] = face[number]
            continue
        if kind[number] == OTHER:
            frames = table.middles[rng.choice([other for other in table.rows if other != row])]
        else:
            frames = frames[np.abs(frames - face[number]) >= MIN_GAP]
        if not len(frames):
            fact = f"one of its clips has no two windows {MIN_GAP} frames apart"
            raise NothingToDoError(fact, table.table.path, "leave short clips out of the pack")
        speech[number] = rng.choice(frames)
    return Pairs(face, speech, kind)


def evaluate_pairs(pairs: Pairs, distance: np.ndarray, limit: float) -> dict[str, float]:
    """Say how often a sync network is right about pairs.

    Parameters
    ----------
    distance : shape (n,), between picture and sound as the network embeds them
    limit : pairs nearer than this count as in sync

    Returns
    -------
    shares in [0, 1]: pair_accuracy (chance 0.5), its parts right_accepted, shifted_refused and other_refused, and
    shifted_ranked and other_ranked, how often a right pair is nearer than a wrong one (chance 0.5, without a limit)
    """
    near = distance < limit
    right = distance[pairs.kind == RIGHT]
    figures = {"pair_accuracy": float((near == (pairs.kind == RIGHT)).mean())}
    figures["right_accepted"] = float(near[pairs.kind == RIGHT].mean())
    for name, kind in (("shifted", SHIFTED), ("other", OTHER)):
        wrong = np.sort(distance[pairs.kind == kind])
        if len(wrong):
            figures[f"{name}_refused"] = float(1 - near[pairs.kind == kind].mean())
            figures[f"{name}_ranked"] = float(1 - np.searchsorted(wrong, right, "right").mean() / len(wrong))
    return {name: round(value, 4) for name, value in figures.items()}


def evaluate_offsets(clips: list[Embeddings], shifts: range = range(-10, 11)) -> dict[str, float]:
    """Say how often a known shift of a clip is found.

    Returns
    -------
    offset_accuracy : share of clips and shifts found within 1 frame (chance: 3 of 31); offset_exact : exactly
    """
    errors = []
    for clip in clips:
        for shift in shifts:
            moved = shift_speech(clip, shift)
            try:
                errors.append(abs(find_offset(moved).offset + shift))  # later sound: an offset below zero
            except NothingToDoError:
                continue
    if not errors:
        return {}
    found = np.array(errors)
    return {
        "offset_accuracy": round(float((found <= 1).mean()), 4),
        "offset_exact": round(float((found == 0).mean()), 4),
    }
