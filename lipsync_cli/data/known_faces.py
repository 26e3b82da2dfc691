"""The boxes of one clip out of a faces.h5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.data import schema
from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule

if TYPE_CHECKING:
    import numpy as np


def read_boxes(store: Path, sha256: str) -> tuple[CropRule, np.ndarray | None]:
    """Return the crop rule of a faces.h5, and the boxes (N, 4) of the clip with this content, None if it is not there.

    Raises
    ------
    InputError : no readable faces.h5
    """
    with schema.open_hdf5(store, (schema.FACES,)) as file:
        try:
            rule = CropRule.from_dict(schema.read_parameters(file)["crop_rule"])
            for row in schema.read_table(file):
                if row["sha256"] == sha256:
                    first = int(row["first_frame"])
                    return rule, file["faces/box"][first : first + int(row["num_frames"])]
        except (KeyError, ValueError, OSError) as error:
            raise InputError(f"is a damaged faces file ({error})", store, "make it again with detect-faces") from error
    return rule, None
