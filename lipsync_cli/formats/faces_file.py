"""The face of one clip out of a faces.h5."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.faces.aligned.head_mask import MASK_SIZE
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.landmarks import LANDMARK_COUNT
from lipsync_cli.faces.tracking.face_track import Track
from lipsync_cli.formats import schema
from lipsync_cli.formats.open_store import open_hdf5
from lipsync_cli.formats.schema import RAW

if TYPE_CHECKING:
    import h5py
    import numpy as np

HEAD_PARTS = ("points", "mask")  # datasets of a file of heads, beside the others


def read_track(store: Path, sha256: str) -> tuple[CropRule, Track | None]:
    """Return the crop rule of a faces.h5, and the face of the clip with this content, None if it is not there.

    Raises
    ------
    InputError : no readable faces.h5
    """
    with open_hdf5(store, (schema.FACES,)) as file:
        rule = CropRule.from_dict(schema.read_parameters(file)["crop_rule"])
        for row in schema.read_table(file):
            if row["sha256"] == sha256:
                rows = slice(int(row["first_frame"]), int(row["first_frame"] + row["num_frames"]))
                box, score, landmarks = (file[f"faces/{name}"][rows] for name in ("box", "score", "landmarks"))
                return rule, Track(box, score, landmarks)
    return rule, None


def create_faces(
    file: h5py.File, num_frames: int, num_bytes: int, side: int, parameters: dict[str, Any]
) -> Callable[..., None]:
    """Create the datasets under /faces and return a function that fills in one clip's rows.

    Heads have two more: `points` (N, 68, 2), landmarks in pixels of the crop, and `mask` (N, 96, 12), the face from jaw
    to hairline over the whole crop, a bit a place, eight in a byte.
    """
    import numpy as np

    raw = parameters["encoding"] == RAW
    group = file.create_group("faces")
    for name, shape in (("box", (4,)), ("score", ()), ("landmarks", (5, 2))):
        group.create_dataset(name, (num_frames, *shape), np.float32)
    group.create_dataset("middle", (num_frames,), np.float64)
    if has_parts := bool(parameters.get("head")):
        group.create_dataset("points", (num_frames, LANDMARK_COUNT, 2), np.float32)
        group.create_dataset("mask", (num_frames, MASK_SIZE, MASK_SIZE // 8), np.uint8)
    crop = group.create_group("crop")
    crop.attrs["encoding"] = parameters["encoding"]
    crop.attrs["size"] = side
    if raw:
        crop.create_dataset("data", (num_frames, side, side, 3), np.uint8)
    else:
        crop.attrs["quality"] = parameters["quality"]
        crop.create_dataset("data", (num_bytes,), np.uint8)
        crop.create_dataset("offset", (num_frames + 1,), np.int64)
        crop["offset"][0] = 0

    def write(
        first: int,
        first_byte: int,
        middle: np.ndarray,
        box: np.ndarray,
        score: np.ndarray,
        landmarks: np.ndarray,
        *,
        data: np.ndarray,
        offset: np.ndarray,
        points: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> None:
        rows = slice(first, first + len(box))
        group["middle"][rows] = middle
        group["box"][rows] = box
        group["score"][rows] = score
        group["landmarks"][rows] = landmarks
        if has_parts:
            group["points"][rows] = points
            group["mask"][rows] = mask
        if raw:
            crop["data"][rows] = data.reshape(-1, side, side, 3)
        else:
            crop["data"][first_byte : first_byte + len(data)] = data
            crop["offset"][first + 1 : first + len(box) + 1] = offset[1:] - offset[0] + first_byte

    return write
