"""What holds one picture is a photo, whatever its clothing; it is upright, and what is transparent has a background."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg

from lipsync_cli.errors import InputError
from lipsync_cli.media.photo import identify_photo, read_avif, read_orientation, turn_upright
from lipsync_cli.media.probe import probe
from lipsync_cli.media.reading import Reading, notes_of, read_as
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_image

TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}  # Exif 2.32, 4.6.4: how a stored picture becomes upright


def exif(orientation: int, order: str = ">") -> bytes:
    mark = b"MM\0*" if order == ">" else b"II*\0"
    return mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """Put a chunk behind the header of a PNG."""
    chunk = len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


def with_exif(data: bytes, kind: str, orientation: int) -> bytes:
    if kind == "png":
        return with_chunk(data, b"eXIf", exif(orientation))
    if kind == "webp":
        content = exif(orientation, "<")
        extended = b"VP8X" + struct.pack("<IIHBHB", 10, 8, 47, 0, 31, 0)
        body = b"WEBP" + extended + data[12:] + b"EXIF" + len(content).to_bytes(4, "little") + content
        return b"RIFF" + len(body).to_bytes(4, "little") + body
    place = struct.unpack_from("<I", data, 4)[0]  # FFmpeg writes TIFF little endian: one more entry in a new directory
    (count,) = struct.unpack_from("<H", data, place)
    entries = data[place + 2 : place + 2 + 12 * count]
    new = [entries[start : start + 12] for start in range(0, len(entries), 12)]
    new.append(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0))
    directory = struct.pack("<H", len(new)) + b"".join(sorted(new, key=lambda each: each[:2][::-1])) + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [2, 5, 6, 8])
def test_photos_are_turned_upright(ffmpeg: Ffmpeg, tmp_path: Path, kind: str, orientation: int) -> None:
    photo, lossless = tmp_path / f"a.{kind}", ("-lossless", 1) if kind == "webp" else ()
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32", "-frames:v", 1, *lossless, photo)
    stored = read_image(photo)
    assert stored.shape == (32, 48, 3)
    photo.write_bytes(with_exif(photo.read_bytes(), kind, orientation))
    np.testing.assert_array_equal(read_image(photo), TURNS[orientation](stored))
    video = probe(photo).video
    assert video is not None
    assert (video.height, video.width) == TURNS[orientation](stored).shape[:2]


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@pytest.mark.parametrize(("turns", "mirror"), [(t, m) for t in range(4) for m in (None, 0, 1)])
def test_the_turn_and_the_mirror_of_an_avif(tmp_path: Path, turns: int, mirror: int | None) -> None:
    """Turned anticlockwise, then mirrored, 0 top to bottom, 1 left to right (ISO/IEC 23008-12, 6.5.10 and 6.5.12)."""
    properties = box(b"irot", bytes([turns])) + (b"" if mirror is None else box(b"imir", bytes([mirror])))
    path = tmp_path / "a.avif"
    path.write_bytes(
        box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", properties)))
    )
    picture = np.arange(18).reshape(2, 3, 3)
    turned = np.rot90(picture, turns)
    wanted = turned if mirror is None else turned[::-1] if mirror == 0 else turned[:, ::-1]
    np.testing.assert_array_equal(turn_upright(picture, read_orientation(path)), wanted)


def test_the_boxes_of_an_avif_may_be_deep_or_large(tmp_path: Path) -> None:
    head, deep = box(b"ftyp", b"avif\0\0\0\0avifmif1"), b""
    for _ in range(3000):
        deep = box(b"meta", bytes(4) + deep)
    turned = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", box(b"irot", b"\1"))))
    large = (1).to_bytes(4, "big") + b"mdat" + (24).to_bytes(8, "big") + bytes(8)
    for rest, orientation in ((deep, 1), (large + turned, 8), (large[:12], 1)):
        path = tmp_path / "a.avif"
        path.write_bytes(head + rest)
        assert read_orientation(path) == orientation


@pytest.mark.parametrize("name", ["a.gif", "a.ppm", "a.jp2", "a.avif"])
def test_one_picture_is_a_photo(ffmpeg: Ffmpeg, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    options = ("-c:v", "libaom-av1", "-still-picture", 1, "-cpu-used", 8) if name == "a.avif" else ()
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32", "-frames:v", 1, *options, path)
    assert probe(path).is_image
    assert read_image(path).shape == (32, 48, 3)


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_an_animation_is_a_video_and_that_is_said(ffmpeg: Ffmpeg, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    form = ("-f", "apng") if name == "a.png" else ()
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32:d=0.5:r=10", *form, path)
    assert not probe(path).is_image
    assert read_timeline(path).num_frames == 5
    assert any("is an animation" in text and "taken as a video" in text for text in notes_of(path))


def test_an_animated_webp_is_refused_in_words(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32:d=0.5:r=10", "-c:v", "libwebp_anim", path)
    with pytest.raises(InputError, match="animated WebP, which FFmpeg cannot read; convert it"):
        probe(path)


@pytest.mark.parametrize(("background", "told"), [(None, "white"), ((0, 128, 255), "#0080ff")])
def test_transparent_parts_show_the_background(
    ffmpeg: Ffmpeg, tmp_path: Path, background: tuple[int, int, int] | None, told: str
) -> None:
    path = tmp_path / "a.png"
    pixels = np.zeros((32, 48, 4), np.uint8)
    pixels[...] = (200, 100, 50, 255)
    pixels[:8, :, 3] = 0
    pixels[8:16, :, 3] = 51  # a fifth
    form = ("-f", "rawvideo", "-pixel_format", "rgba", "-video_size", "48x32", "-i", "pipe:0")
    ffmpeg(*form, "-frames:v", 1, path, data=pixels.tobytes())
    with read_as({} if background is None else {path: Reading(background=background)}):
        shown = read_image(path)
    behind = np.array(background or (255, 255, 255))
    np.testing.assert_array_equal(shown[0, 0], behind)
    np.testing.assert_array_equal(shown[12, 5], np.rint(0.2 * np.array([200, 100, 50]) + 0.8 * behind))
    np.testing.assert_array_equal(shown[20, 5], [200, 100, 50])
    assert any(f"before {told}" in text for text in notes_of(path))


def test_nothing_is_said_of_an_opaque_photo(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=48x32,format=rgba", "-frames:v", 1, path)
    read_image(path)
    assert not notes_of(path)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"II*\0\xff\xff\xff\xff"])
def test_a_few_bytes_of_a_photo_are_upright(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    assert identify_photo(path) is not None
    assert read_orientation(path) == 1


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heix"])
def test_a_photo_in_heic_is_refused_in_words(tmp_path: Path, brands: bytes) -> None:
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes((8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + bytes(100))
    with pytest.raises(InputError, match=r"IMG_1\.jpg: is a HEIC photo.*; convert it to JPEG"):
        probe(path)


def test_an_avif_of_tiles_is_refused_in_words(tmp_path: Path) -> None:
    """FFmpeg would show one of the tiles."""
    entries = [bytes([2, 0, 0, 0, 0, number, 0, 0]) + kind + b"\0" for number, kind in ((1, b"av01"), (2, b"grid"))]
    table = box(b"iinf", bytes(4) + b"\0\2" + b"".join(box(b"infe", entry) for entry in entries))
    path = tmp_path / "a.avif"
    path.write_bytes(box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", bytes(4) + table))
    assert read_avif(path) == (True, False)
    with pytest.raises(InputError, match=r"a\.avif: is an AVIF photo made of tiles.*; convert it to JPEG or PNG"):
        probe(path)


def test_the_transparency_of_an_avif_is_dropped_and_that_is_said(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    layers = "[0:v]split[picture][rest];[rest]format=gray,lutyuv=y=100,format=gray[alpha]"
    encoder = ("-c:v", "libaom-av1", "-still-picture", 1, "-cpu-used", 8, "-pix_fmt:v:0", "yuv444p")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32:d=0.04", "-filter_complex", layers, "-map", "[picture]", "-map",
           "[alpha]", *encoder, "-pix_fmt:v:1", "gray", path)  # fmt: skip
    assert read_avif(path) == (False, True)
    assert read_image(path).shape == (32, 48, 3)
    assert any("its transparency, which AVIF keeps beside the picture, is dropped" in text for text in notes_of(path))
