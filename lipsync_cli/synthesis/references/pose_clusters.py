"""Several rest frames of a head that turns: one for each of the ways in which it is mostly held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.alignment import Aligner, to_grey
from lipsync_cli.synthesis.references.reference_selection import (
    MISFIT,
    Candidates,
    ReferenceFrames,
    choose_reference_frames,
    complete,
    find_rest_frame,
    fits_poses,
    gather,
    select_reference_frames,
)

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource

NUM_CANDIDATES = 40
MAX_VIEWS = 5
WORTH = 0.03  # of the contrast of the upper face: a further view brings the candidates closer by so much in the mean
FEWEST = 4  # candidates that stand for a way of holding the head; of so many one rests
LIKE = 1.25  # of the misfit of the FEWEST-th of them: as far from its middle a candidate is of its kind


def choose_reference(
    mode: str, video: ScannedSource, boxes: np.ndarray, rule: CropRule, runner: GeneratorRunner
) -> tuple[ReferenceFrames, ...] | None:
    """Choose the frames whose pixels are used as reference.

    Parameters
    ----------
    mode : "neutral" for one rest frame; "auto" for several where the head turns
    video : scanned here if it has no frame at hand
    boxes : shape (N, 4), NaN where there is no face

    Returns
    -------
    the frames, None where no frame at hand has a face
    """
    if not video.at_hand():
        for _ in video.scan():
            pass
    if all(np.isnan(boxes[number, 0]) for number in video.at_hand()):
        return None
    references = choose_reference_frames(video, boxes, rule, runner)
    if mode == "neutral" or fits_poses(video, boxes, rule, references.rest):
        return (references,)
    return choose_pose_clusters(video, boxes, rule, runner)


def choose_pose_clusters(
    video: ScannedSource, boxes: np.ndarray, rule: CropRule, runner: GeneratorRunner
) -> tuple[ReferenceFrames, ...]:
    """Choose a rest frame for each way in which the head is mostly held.

    The candidates are compared two by two by how badly their upper faces fit; the ones that are closest to all others
    are taken one after the other, as long as that brings the candidates closer (greedy k-medoids). Around each the
    mouth most at rest is chosen as for a head that keeps still, if there is one over which nothing lies, and an open
    one beside it only where the generator closes that onto the mouth at rest.

    Parameters
    ----------
    video : scanned; the candidates are among the frames that it has at hand
    boxes : shape (N, 4), NaN where there is no face; at least one frame at hand has a face
    """
    found = gather(video, boxes, runner, rule, NUM_CANDIDATES)
    aligner, greys = Aligner(rule), [to_grey(crop) for crop in found.crops]
    contrast = float(np.median([aligner.contrast(grey) for grey in greys]))
    misfits = np.zeros((len(greys), len(greys)))
    for one in range(len(greys)):
        for other in range(one):
            misfits[one, other] = misfits[other, one] = aligner.alignment_rmse(greys[one], greys[other])
    views: dict[int, np.ndarray] = {}
    for middle in _middles(misfits, WORTH * contrast):
        reach = LIKE * np.sort(misfits[middle])[min(FEWEST, len(greys)) - 1]
        alike = np.flatnonzero(misfits[middle] <= max(reach, MISFIT * contrast / 2))
        rest = find_rest_frame(found, alike, runner, rule)
        if rest is not None:
            views.setdefault(rest, alike)
    if len(views) > 1:
        return tuple(complete(found, rest, alike, runner, rule) for rest, alike in views.items())
    alike = next(iter(views.values()), np.arange(len(found.numbers)))
    return (select_reference_frames(Candidates(*(part[alike] for part in found)), runner, rule),)


def _middles(misfits: np.ndarray, worth: float) -> list[int]:
    """Return which of n candidates, compared in `misfits` (n, n), stand for the others."""
    middles: list[int] = []
    closest = np.full(len(misfits), np.inf)
    while len(middles) < MAX_VIEWS:
        after = np.minimum(closest, misfits).mean(1)
        best = int(after.argmin())
        if middles and closest.mean() - after[best] < worth:
            break
        middles.append(best)
        closest = np.minimum(closest, misfits[best])
    return middles
