"""Frames of like pose of a head that turns: as alike are reference and target where rest frames take turns."""

from __future__ import annotations

import numpy as np

from lipsync_cli.datasets.personal_clip import Pairs, PersonalClip
from lipsync_cli.faces.alignment import Aligner, to_grey, warp_crop
from lipsync_cli.synthesis.references.reference_selection import spread

NUM_REFERENCES = 64  # of each part of a recording
NUM_CANDIDATES, NUM_TARGETS = 28, 6  # that are compared with a reference, and those of them that are kept
REACH = 3, 45  # frames: how far a target is from its reference


def pair_poses(recording: PersonalClip) -> Pairs | None:
    """Find for frames of each part of a recording others of like pose, and bring these into the very same.

    Returns None where a part has too few frames for that.

    Parameters
    ----------
    recording : without a reference for all
    """
    aligner, greys = Aligner(recording.crop_rule), [to_grey(crop) for crop in recording.crops]
    references: list[int] = []
    targets: list[list[int]] = []
    posed: list[list[np.ndarray]] = []
    for part in (recording.clips[0], recording.clips[2]):
        before = len(references)
        frames = int(part["first_frame"]) + np.arange(int(part["num_frames"]))
        for reference in spread(frames, NUM_REFERENCES):
            apart = np.abs(frames - reference)
            found = []
            for frame in spread(frames[(apart >= REACH[0]) & (apart <= REACH[1])], NUM_CANDIDATES):
                pose = aligner.align(greys[frame], greys[reference])
                found.append((aligner.difference(warp_crop(greys[frame], pose), greys[reference]), int(frame), pose))
            if len(found) < NUM_TARGETS:
                continue
            best = sorted(found, key=lambda each: each[0])[:NUM_TARGETS]
            references.append(int(reference))
            targets.append([frame for _, frame, _ in best])
            posed.append([warp_crop(recording.crops[frame], pose) for _, frame, pose in best])
        if len(references) == before:
            return None
    return Pairs(np.array(references), np.array(targets), np.array(posed))
