"""Photos: which format, how many pictures, which way up."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Buffer: TypeAlias = "bytes | mmap.mmap"

ORIENTATION = 0x0112  # the tag of Exif 2.32, table 4
PIPES = {"jpeg", "png", "webp", "bmp", "tiff"}  # read by FFmpeg's demuxer of this name and "_pipe"
HEIF = (b"heic", b"heix", b"heim", b"heis", b"mif1")  # of pictures coded as HEVC, in ISO/IEC 23008-12
# Of ISO/IEC 23008-12, and how long their own headers are; of `iinf` in version 0, for up to 65,535 items.
BOXES = {b"meta": 12, b"iprp": 8, b"ipco": 8, b"iinf": 14}
TILED, ALPHA = b"grid", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"  # an item's type; what a property says it is
# The Exif orientation of a picture that is turned so many times a quarter anticlockwise, then mirrored: not at all, top
# to bottom, left to right.
TURNED = ((1, 4, 2), (8, 5, 7), (3, 2, 4), (6, 7, 5))


@dataclass(frozen=True)
class Photo:
    """What the first bytes of a file of pictures say.

    Attributes
    ----------
    kind : "jpeg", "png", "webp", "bmp", "tiff", "gif", "avif" or "heic"
    is_animation : whether there are several pictures, one after the other
    """

    kind: str
    is_animation: bool = False

    @property
    def demuxer(self) -> list[str]:
        """The options before the input that make FFmpeg take the file for what it is, whatever its name."""
        return ["-f", f"{self.kind}_pipe"] if self.kind in PIPES else []


def identify_photo(path: str | Path) -> Photo | None:
    """Return what kind of photo or animation a file is by its content, or None if it is neither."""
    with open(path, "rb") as file:
        head = file.read(64)
    if head.startswith(b"\xff\xd8\xff"):
        return None if _is_motion_jpeg(path) else Photo("jpeg")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        with _mapped(path) as data:
            control = next((data[place : place + 4] for kind, place, _ in _png_chunks(data) if kind == b"acTL"), b"")
        return Photo("png", int.from_bytes(control, "big") > 1)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Photo("webp", head[12:16] == b"VP8X" and any(flags & 2 for flags in head[20:21]))
    if head.startswith((b"II*\0", b"MM\0*")):
        return Photo("tiff")
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return Photo("bmp")
    if head.startswith((b"GIF87a", b"GIF89a")):
        with _mapped(path) as data:
            return Photo("gif", _gif_pictures(data) > 1)
    if head[4:8] == b"ftyp":
        brands = head[8 : int.from_bytes(head[:4], "big")]
        if b"avis" in brands or b"avif" in brands:
            return Photo("avif", b"avis" in brands)
        if any(brand in brands for brand in HEIF):
            return Photo("heic")
    return None


def read_orientation(path: str | Path) -> int:
    """Return the Exif orientation of a photo, 1 (upright) to 8; 1 where there is none or it makes no sense."""
    found = identify_photo(path)
    if found is None:
        return 1
    with _mapped(path) as data:
        if found.kind == "avif":
            return _avif_orientation(data)
        start, stop = {"jpeg": _jpeg_exif, "png": _png_exif, "webp": _webp_exif, "tiff": _whole}.get(
            found.kind, _nothing
        )(data)
        if data[start : start + 6] == b"Exif\0\0":
            start += 6
        return _orientation(data[start:stop])


def read_avif(path: str | Path) -> tuple[bool, bool]:
    """Tell whether an AVIF photo is made of tiles, and whether it has transparent parts; FFmpeg reads neither."""
    is_tiled = has_alpha = False
    with _mapped(path) as data:
        for kind, start in _boxes(data, 0, len(data)):
            if kind == b"infe":  # version 2: its item's number and protection come before the type
                is_tiled = is_tiled or data[start + 8 : start + 12] == TILED
            elif kind == b"auxC":
                has_alpha = has_alpha or data[start + 4 : start + 4 + len(ALPHA)] == ALPHA
    return is_tiled, has_alpha


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


def _mapped(path: str | Path) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _nothing(data: Buffer) -> tuple[int, int]:
    return 0, 0


def _whole(data: Buffer) -> tuple[int, int]:
    return 0, len(data)


def _jpeg_exif(data: Buffer) -> tuple[int, int]:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            return position + 4, position + 2 + length
        if marker == 0xDA:  # the picture begins
            break
        position += 2 + length
    return 0, 0


def _png_chunks(data: Buffer) -> Iterator[tuple[bytes, int, int]]:
    """Give the kind of each chunk, and where its content begins and ends."""
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        yield data[position + 4 : position + 8], position + 8, position + 8 + length
        position += 12 + length


def _png_exif(data: Buffer) -> tuple[int, int]:
    return next(((start, stop) for kind, start, stop in _png_chunks(data) if kind == b"eXIf"), (0, 0))


def _webp_exif(data: Buffer) -> tuple[int, int]:
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"EXIF":
            return position + 8, position + 8 + length
        position += 8 + length + length % 2
    return 0, 0


def _avif_orientation(data: Buffer) -> int:
    """Return what the boxes irot and imir say; the first of each is that of the picture itself."""
    turns, mirror = 0, 0
    for kind, start in _boxes(data, 0, len(data)):
        if kind == b"irot":
            turns = data[start] & 3
        elif kind == b"imir":
            mirror = 1 + (data[start] & 1)
    return TURNED[turns][mirror]


def _boxes(data: Buffer, position: int, stop: int, depth: int = 0) -> Iterator[tuple[bytes, int]]:
    """Give the kind of each box, and where its content begins; those of BOXES are opened."""
    while position + 8 < stop:
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if length == 1:  # it needs 64 bits, which follow the kind
            length = int.from_bytes(data[position + 8 : position + 16], "big")
        if length < 8:
            return
        yield kind, position + 8
        if kind in BOXES and depth < len(BOXES):  # each of them once
            yield from _boxes(data, position + BOXES[kind], min(stop, position + length), depth + 1)
        position += length


def _gif_pictures(data: Buffer) -> int:
    """Count the pictures of a GIF, up to two."""
    count, position = 0, 13
    if len(data) > 10 and data[10] & 0x80:
        position += 3 << (1 + (data[10] & 7))  # the palette
    while position < len(data) and count < 2:
        if data[position] == 0x2C:
            count += 1
            own = data[position + 9] if position + 9 < len(data) else 0
            position += 10 + (3 << (1 + (own & 7)) if own & 0x80 else 0) + 1
        elif data[position] == 0x21:
            position += 2
        else:
            break
        while position < len(data) and data[position]:  # blocks of up to 255 bytes
            position += 1 + data[position]
        position += 1
    return count


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
