"""A video against the real one, frame by frame: over the face crop, its mouth, and the whole frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.scoring.metrics.reconstruction import measure, psnr, ssim
from lipsync_cli.scoring.scores import COPY, OUTPUT, Scores

if TYPE_CHECKING:
    from lipsync_cli.faces.track import Track
    from lipsync_cli.media.timeline import Timeline

    Progress = Callable[[int, int | None, str], None]

COPY_GAP = 6  # frames between a frame and the one that the row `copy` shows in its place
_BATCH = 16


class _Shown(NamedTuple):
    """A reference frame and what stands in its place in each row; all (H, W, 3) uint8 RGB."""

    number: int
    real: np.ndarray
    output: np.ndarray
    copy_number: int
    copy: np.ndarray


def score_video(
    output: Path, reference: Path, rule: CropRule | None = None, progress: Progress | None = None
) -> Scores:
    """Compare a video with the real one it should look like.

    Frames are paired by time: with each frame of the reference goes the frame of the output shown at its middle. The
    face is found in the reference only, and its box is used for both.

    Parameters
    ----------
    output : the video to judge
    reference : the real one
    rule : how the face is found and cropped
    progress : called with frames done, frames in all, and what is being done

    Returns
    -------
    scores with the rows output and copy (the reference itself, 6 frames away: what standing still would score); frames
    without a face are left out

    Raises
    ------
    InputError : if a file is missing or no video
    NothingToDoError : if the reference shows no face, or the two do not overlap in time
    """
    from lipsync_cli.faces.track import find_face
    from lipsync_cli.media.decode import read_frames
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.timeline import read_timeline

    rule = rule or CropRule()
    sizes = []
    for path in (output, reference):
        video = probe(path).video
        if video is None:
            raise InputError("has no picture", path, "two videos are compared")
        sizes.append((video.width, video.height))
    timelines = read_timeline(output), read_timeline(reference)
    pairs = pair_frames(*timelines)
    if not len(pairs):
        raise NothingToDoError("the two videos do not overlap in time", output)
    with closing(read_frames(reference)) as frames:  # type: ignore[type-var]
        track = find_face(frames, rule, progress)
    has_face = ~np.isnan(track.boxes[: len(pairs), 0])
    if not has_face.any():
        raise NothingToDoError(f"no face in {len(has_face)} of {len(has_face)} frames", reference)
    numbers = np.flatnonzero(has_face)
    scaled_to = None if sizes[0] == sizes[1] else sizes[1]
    rows = _measure_rows(output, reference, pairs, track, rule, scaled_to, progress)
    return Scores(
        rows=rows,
        clip=np.zeros(len(numbers), np.int64),
        clip_names=[output.name],
        speakers=[""],
        frame=numbers,
        differences=((OUTPUT, COPY),),
        facts={"output": str(output), "reference": str(reference), "frames": len(numbers), "clips": 1},
        notes=_say_differences(timelines, sizes, has_face),
    )


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


def _measure_rows(
    output: Path,
    reference: Path,
    pairs: np.ndarray,
    track: Track,
    rule: CropRule,
    scaled_to: tuple[int, int] | None,
    progress: Progress | None,
) -> dict[str, dict[str, np.ndarray]]:
    from lipsync_cli.media.decode import read_frames

    parts: dict[str, list[dict[str, np.ndarray]]] = {OUTPUT: [], COPY: []}
    waiting: list[_Shown] = []

    def flush() -> None:
        if waiting:
            for row, measured in _measure_batch(waiting, track, rule).items():
                parts[row].append(measured)
            waiting.clear()

    with ExitStack() as stack:
        real = stack.enter_context(closing(read_frames(reference)))  # type: ignore[type-var]
        drawn = stack.enter_context(closing(read_frames(output, size=scaled_to)))  # type: ignore[type-var]
        for shown in _with_copies(zip(real, _repeat(drawn, pairs), strict=False)):
            if not np.isnan(track.boxes[shown.number, 0]):
                waiting.append(shown)
            if len(waiting) == _BATCH:
                flush()
            if progress is not None:
                progress(shown.number + 1, len(pairs), "score")
        flush()
    return {
        row: {metric: np.concatenate([part[metric] for part in measured]) for metric in measured[0]}
        for row, measured in parts.items()
    }


def _measure_batch(batch: list[_Shown], track: Track, rule: CropRule) -> dict[str, dict[str, np.ndarray]]:
    mouth = rule.mouth_region()
    real = np.stack([crop_face(shown.real, track.boxes[shown.number], rule) for shown in batch])
    rows = {}
    for row in (OUTPUT, COPY):
        crops, measured = [], []
        for shown in batch:
            frame, number = (shown.output, shown.number) if row == OUTPUT else (shown.copy, shown.copy_number)
            box = track.boxes[number]
            crops.append(crop_face(frame, track.boxes[shown.number] if np.isnan(box[0]) else box, rule))
            measured.append((psnr(frame[None], shown.real[None])[0], ssim(frame[None], shown.real[None])[0]))
        frame_psnr, frame_ssim = np.array(measured).T
        rows[row] = measure(np.stack(crops), real, mouth) | {"frame_psnr": frame_psnr, "frame_ssim": frame_ssim}
    return rows


def _repeat(frames: Iterator[np.ndarray], pairs: np.ndarray) -> Iterator[np.ndarray]:
    """Give the frames with these numbers, which never fall, from a stream."""
    current, frame = -1, None
    for number in pairs:
        while current < number:
            frame = next(frames, None)
            if frame is None:
                return
            current += 1
        assert frame is not None
        yield frame


def _with_copies(frames: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[_Shown]:
    """Give each frame with the reference frame six before it (six after it, where there is none before)."""
    held: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=2 * COPY_GAP + 1)
    last = -1

    def show(number: int) -> _Shown:
        kept = {index: (real, output) for index, real, output in held}
        other = number - COPY_GAP if number >= COPY_GAP else min(number + COPY_GAP, last)
        return _Shown(number, *kept[number], other, kept[other][0])

    for last, (real, output) in enumerate(frames):
        held.append((last, real, output))
        if last >= COPY_GAP:
            yield show(last - COPY_GAP)
    for number in range(max(0, last + 1 - COPY_GAP), last + 1):
        yield show(number)


def _say_differences(
    timelines: tuple[Timeline, Timeline], sizes: list[tuple[int, int]], has_face: np.ndarray
) -> list[str]:
    """Say in words what must be known to read the figures."""
    output, reference = timelines
    notes = [f"copy: the reference itself, {COPY_GAP} frames away: what standing still would score"]
    if sizes[0] != sizes[1]:
        mine, real = (f"{width} x {height}" for width, height in sizes)
        notes.append(f"the output is {mine} pixels, the reference {real}: the output was scaled")
    if output.num_frames != reference.num_frames:
        notes.append(
            f"the output has {output.num_frames} frames, the reference {reference.num_frames}: "
            f"{len(has_face)} were compared, by time"
        )
    if output.rate != reference.rate:
        notes.append(
            f"the output has {float(output.rate):.5g} frames/s, the reference {float(reference.rate):.5g}: "
            "frames were paired by time"
        )
    if not has_face.all():
        missing = int((~has_face).sum())
        notes.append(f"no face in {missing} of {len(has_face)} frames of the reference: left out")
    return notes
