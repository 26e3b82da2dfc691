"""The face of one clip out of a faces.h5."""

from __future__ import annotations

from pathlib import Path

from lipsync_cli.data import schema
from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.track import Track


def read_track(store: Path, sha256: str) -> tuple[CropRule, Track | None]:
    """Return the crop rule of a faces.h5, and the face of the clip with this content, None if it is not there.

    Raises
    ------
    InputError : no readable faces.h5
    """
    with schema.open_hdf5(store, (schema.FACES,)) as file:
        try:
            rule = CropRule.from_dict(schema.read_parameters(file)["crop_rule"])
            for row in schema.read_table(file):
                if row["sha256"] == sha256:
                    rows = slice(int(row["first_frame"]), int(row["first_frame"] + row["num_frames"]))
                    box, score, landmarks = (file[f"faces/{name}"][rows] for name in ("box", "score", "landmarks"))
                    return rule, Track(box, score, landmarks)
        except (KeyError, ValueError, OSError) as error:
            raise InputError(f"is a damaged faces file ({error})", store, "make it again with detect-faces") from error
    return rule, None
