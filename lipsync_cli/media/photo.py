"""Photos: which format, which way up."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ORIENTATION = 0x0112  # the tag of Exif 2.32, table 4
HEAD_BYTES = 1 << 17


def photo_format(path: str | Path) -> str | None:
    """Return "jpeg", "png", "webp", "bmp" or "tiff" by the file's first bytes, or None if it is no photo."""
    with open(path, "rb") as file:
        head = file.read(16)
    if head.startswith(b"\xff\xd8\xff"):
        return None if _is_motion_jpeg(path) else "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "tiff"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "bmp"
    return None


def read_orientation(path: str | Path) -> int:
    """Return the Exif orientation of a JPEG, 1 (upright) to 8; 1 where there is none or it makes no sense."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker, length = head[position + 1], int.from_bytes(head[position + 2 : position + 4], "big")
        if marker == 0xE1 and head[position + 4 : position + 10] == b"Exif\0\0":
            return _orientation(head[position + 10 : position + 2 + length])
        if marker == 0xDA:  # the picture begins
            break
        position += 2 + length
    return 1


def turn_upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror a stored picture (H, W, 3) as its Exif orientation (1 ... 8) asks."""
    import numpy as np

    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def _is_motion_jpeg(path: str | Path) -> bool:
    return Path(path).suffix.lower() in (".mjpeg", ".mjpg")


def _orientation(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
