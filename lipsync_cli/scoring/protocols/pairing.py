"""Which frames of two videos belong together, and whether the videos may be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import InputError, NothingToDoError

if TYPE_CHECKING:
    from lipsync_cli.media.timeline import Timeline


@dataclass(frozen=True)
class Pairing:
    """How a video is laid beside the real one.

    Attributes
    ----------
    pairs : shape (n,), never falling: for each frame of the clock the frame of the output that is shown with it
    clock : timeline of the reference; of the output if there is none
    scaled_to : width and height that the output is brought to; None: it stays
    notes : what differs, in words
    """

    pairs: np.ndarray
    clock: Timeline
    scaled_to: tuple[int, int] | None
    notes: tuple[str, ...]


def pair_videos(output: Path, reference: Path | None, align: bool = False) -> Pairing:
    """Lay a video beside the real one.

    Parameters
    ----------
    reference : the real one; None: the output is looked at alone
    align : if sizes, frame rates or lengths differ, compare what both have, by time and at the reference's size

    Raises
    ------
    InputError : a file is no video, or the two differ and `align` is not set
    NothingToDoError : they do not overlap in time
    """
    from lipsync_cli.media.timeline import read_timeline

    size = _read_size(output)
    timeline = read_timeline(output)
    if reference is None:
        return Pairing(np.arange(timeline.num_frames), timeline, None, ())
    real_size, clock = _read_size(reference), read_timeline(reference)
    differences = []
    if size != real_size:
        mine, real = (f"{width} x {height}" for width, height in (size, real_size))
        differences.append((f"the output is {mine} pixels, the reference {real}", "the output was scaled"))
    if timeline.rate != clock.rate:
        rates = f"{float(timeline.rate):.5g} frames/s, the reference {float(clock.rate):.5g}"
        differences.append((f"the output has {rates}", "frames were paired by time"))
    pairs = pair_frames(timeline, clock)
    if timeline.num_frames != clock.num_frames:
        lengths = f"{timeline.num_frames} frames, the reference {clock.num_frames}"
        differences.append((f"the output has {lengths}", f"{len(pairs)} were compared, by time"))
    if differences and not align:
        facts = "; ".join(fact for fact, _ in differences)
        raise InputError(facts, output, "give --align to compare what both have, by time and at the reference's size")
    if not len(pairs):
        raise NothingToDoError("the two videos do not overlap in time", output)
    notes = tuple(f"{fact}: {done}" for fact, done in differences)
    return Pairing(pairs, clock, None if size == real_size else real_size, notes)


def pair_frames(output: Timeline, reference: Timeline) -> np.ndarray:
    """Find for each frame of the reference the frame of the output that is shown at its middle.

    Returns
    -------
    shape (n,): index into the output's frames, never falling; n is smaller than the number of reference frames where
    the output ends earlier
    """
    middles = reference.middles()
    starts = np.array([float(output.time(n)) for n in range(output.num_frames)])
    end = float(output.time(output.num_frames))
    return np.searchsorted(starts, middles[middles < end], side="right") - 1


def _read_size(path: Path) -> tuple[int, int]:
    from lipsync_cli.media.probe import probe

    video = probe(path).video
    if video is None:
        raise InputError("has no picture", path, "give a video")
    return video.width, video.height
