"""Faces that are not the person's: found by their distance to the usual face, and two people who are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.faces.embedding import SAME_PERSON, distance, find_embedder

if TYPE_CHECKING:
    from lipsync_cli.datasets.frame_table import Crops
    from lipsync_cli.faces.crop import CropRule

Frames = Mapping[str, np.ndarray]

EVERY = 5  # frames: the network is slow, and a face does not change from one frame to the next
ONE_PERSON = (
    0.35  # distance of two people's usual faces below which they are one; of one person's halves it is below 0.2
)


def find_outliers(
    crops: Crops, rule: CropRule, frames: Mapping[str, np.ndarray], note: Callable[[str], None]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Leave out faces whose embedding (dlib's ResNet, King 2017) is further than 0.6 from the person's median.

    Every fifth face is embedded, and speaks for those up to the next one.

    Parameters
    ----------
    crops : see `frame_table.gather`
    frames : frame numbers of each person
    note : told how many are left out

    Returns
    -------
    the frames that are kept, and the median embeddings (128,), by name; none where dlib's network is not installed
    """
    from lipsync_cli.datasets.frame_table import fetch_pixels

    embedder = find_embedder()
    if embedder is None:
        note("dlib's face recognition network is not installed: faces of other people are not looked for")
        return dict(frames), {}
    kept, known = {}, {}
    for name, numbers in frames.items():
        seen = numbers[::EVERY]
        pixels = (fetch_pixels(crops, np.array([number]), "cpu").numpy()[0] for number in seen)
        embeddings = np.stack([embedder.embed(crop, rule.box_in_crop()) for crop in pixels])
        known[name] = np.median(embeddings, axis=0)
        far = np.linalg.norm(embeddings - known[name], axis=1) >= SAME_PERSON
        is_other = np.repeat(far, EVERY)[: len(numbers)]
        kept[name] = numbers[~is_other]
        if is_other.any():
            note(f"{name}: {int(is_other.sum())} of {len(numbers)} faces look like somebody else and are left out")
    return kept, known


def check_people(known: Mapping[str, np.ndarray], path: Path) -> None:
    """Raise InputError if two of the people are one, by their median embeddings."""
    for (one, first), (other, second) in combinations(known.items(), 2):
        if (apart := distance(first, second)) < ONE_PERSON:
            fact = f"{one} and {other} are one person: their faces are {apart:.2f} apart, not {ONE_PERSON} or more"
            raise InputError(fact, path, "a swap needs two people")
