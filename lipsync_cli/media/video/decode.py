"""Pictures out of files, one array a frame, through a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import FORMATS, check_file, complaint, run_tool, source, start_tool, widen_pipe
from lipsync_cli.media.photo import identify_photo, read_orientation, turn_upright
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.reading import VIDEO, WHITE, note, reading_of
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.tool_process import ToolProcess, check_crash
from lipsync_cli.media.video.picture_format import ALPHA
from lipsync_cli.media.video.yuv_frame import YuvFrame

if TYPE_CHECKING:
    import numpy as np

# FFmpeg's default conversion to RGB is a level or more too dark. This one keeps the mean within 0.02 levels; with the
# same square of pixels averaged by the encoder, colour goes there and back unchanged.
EXACT = "flags=neighbor+accurate_rnd+full_chroma_int"
PLANES = "gbrp"  # the same values as rgb24; FFmpeg makes them in half the time
SCALED = "flags=bicubic+accurate_rnd+full_chroma_int"
CODED = "yuv420p"
YUV = "flags=area+accurate_rnd:out_range=tv"  # with in_range=tv, too, frames that are so already are not even copied
SEEKABLE = {"mov", "mp4", "matroska"}  # an index leads to any key frame
SMALL_PIXELS = 640 * 480
SEEK_FRAMES = 100  # so many frames are faster decoded than sought
DAMAGE = re.compile(
    rb"corrupt decoded frame|corrupt input packet|partial file|Error while decoding|Error submitting packet"
    rb"|Invalid data found|Truncating packet|Invalid NAL unit size|Packet corrupt|concealing|end mismatch|truncated"
    rb"|File ended prematurely"
)


def read_frames(
    path: str | Path,
    start: int = 0,
    stop: int | None = None,
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    filters: tuple[str, ...] = (),
) -> Iterator[np.ndarray]:
    """Give the frames of a video in the order they are shown, upright, none doubled, none left out.

    Parameters
    ----------
    path : a video file
    start, stop : numbers of the first frame and of the one after the last; None goes to the end
    size : (width, height) to scale to; None keeps the size that `probe` tells
    threads : threads of the decoder, 0 lets FFmpeg choose; None takes one for a small picture, else two
    filters : what is done to the decoded frames first, from `plan_conversion`

    Yields
    ------
    shape (height, width, 3) uint8 RGB, a new array for every frame

    Raises
    ------
    InputError : not a video; or, after the frames that could be decoded, the file is damaged or truncated

    Notes
    -----
    Closing the generator ends the decoder.
    """
    import cv2
    import numpy as np

    info = _probe(path)
    assert info.video is not None
    width, height = size or (info.video.width, info.video.height)
    format_ = f"scale={width}:{height}:{EXACT if size is None else SCALED},format={PLANES}"
    green, blue, red = planes = np.empty((3, height, width), np.uint8)
    with closing(_read(info, start, stop, threads, filters, format_, make_room=lambda: planes)) as frames:  # type: ignore[type-var]
        for _ in frames:
            yield cv2.merge([red, green, blue])


def read_yuv_frames(
    path: str | Path,
    matrix: str,
    start: int = 0,
    stop: int | None = None,
    filters: tuple[str, ...] = (),
    threads: int | None = None,
) -> Iterator[YuvFrame]:
    """Give the frames of a video of even width and height as they are coded, in 4:2:0; see `read_frames`.

    Parameters
    ----------
    matrix : of the frames that come out of `filters`, from `plan_conversion`
    """
    import numpy as np

    info = _probe(path)
    assert info.video is not None
    width, height = info.video.width, info.video.height
    known = ":in_range=tv" if not filters and info.video.color_range != "pc" and info.video.pix_fmt == CODED else ""
    format_, shape = f"scale={width}:{height}:{YUV}{known},format={CODED}", (height * 3 // 2, width)
    frames = _read(info, start, stop, threads, filters, format_, make_room=lambda: np.empty(shape, np.uint8))
    with closing(frames):  # type: ignore[type-var]
        for planes in frames:
            yield YuvFrame(planes, matrix)


def _probe(path: str | Path) -> MediaInfo:
    info = probe(path)
    if info.video is None:
        raise InputError("has no picture", path)
    return info


def _read(
    info: MediaInfo,
    start: int,
    stop: int | None,
    threads: int | None,
    filters: tuple[str, ...],
    format_: str,
    *,
    make_room: Callable[[], np.ndarray],
) -> Iterator[np.ndarray]:
    """Decode, filter, and bring into a format; give an array, made by `make_room`, that is filled with each frame."""
    if stop is not None and stop <= start:
        return
    assert info.video is not None
    if threads is None:
        threads = 1 if info.video.width * info.video.height <= SMALL_PIXELS else 2
    with tempfile.TemporaryFile() as messages:
        process = start_tool(
            "ffmpeg",
            _arguments(info, start, stop, threads, filters, format_),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,  # a file never fills up as a pipe does
        )
        assert process.stdout is not None
        num_frames = 0
        try:
            widen_pipe(process.stdout.fileno())
            while _read_whole(process, (room := make_room()).data.cast("B")):
                num_frames += 1
                yield room
            process.wait()
        finally:
            process.end()
        messages.seek(0)
        _check_end(info, process.returncode or 0, messages.read(1 << 20), start + num_frames)


def read_image(path: str | Path) -> np.ndarray:
    """Read a photo as shown: turned as its Exif orientation says, its transparent parts before a background.

    Returns
    -------
    shape (height, width, 3) uint8 RGB

    Raises
    ------
    InputError : the file is missing, damaged or no photo
    """
    check_file(path)
    info = probe(path)
    if not info.is_image or info.video is None:
        raise InputError("is not a photo", path)
    pixels = None
    if info.video.pix_fmt == "pal8" or ALPHA.search(info.video.pix_fmt or ""):
        pixels = _composite(path, _read_pixels(info, "rgba"))
    return turn_upright(_read_pixels(info, "rgb24") if pixels is None else pixels, read_orientation(path))


def _read_pixels(info: MediaInfo, layout: str) -> np.ndarray:
    """Decode a photo as it is stored, shape (H, W, 3 or 4) uint8."""
    import numpy as np

    assert info.video is not None
    width, height = info.video.width, info.video.height
    if read_orientation(info.path) >= 5:
        width, height = height, width
    picture, depth = identify_photo(info.path), len(layout.rstrip("0123456789"))
    forced = picture.demuxer if picture is not None else ["-f", info.format]
    options = ["-v", "error", "-nostdin", "-noautorotate", *forced, *source(info.path), "-map", f"0:{info.video.index}"]
    output = ["-frames:v", "1", "-vf", f"scale={width}:{height}:{EXACT},format={layout}", "-f", "rawvideo", "-"]
    result = run_tool("ffmpeg", [*options, *output], info.path)
    if result.returncode or len(result.stdout) != width * height * depth:
        raise InputError(f"is a damaged photo ({complaint(result.stderr, info.path)})", info.path)
    return np.frombuffer(result.stdout, np.uint8).reshape(height, width, depth)


def _composite(path: str | Path, pixels: np.ndarray) -> np.ndarray | None:
    """Put transparent pixels (H, W, 4) before the background, which is noted; None if there are none."""
    import numpy as np

    share = pixels[..., 3:].astype(np.float32) / 255
    if (pixels[..., 3] == 255).all():
        return None
    background = reading_of(path).background
    colour = "white" if background == WHITE else "#{:02x}{:02x}{:02x}".format(*background)
    note(path, f"its transparent parts are seen before {colour}", VIDEO, "--background takes another colour")
    return np.rint(pixels[..., :3] * share + np.array(background, np.float32) * (1 - share)).astype(np.uint8)


def _arguments(
    info: MediaInfo, start: int, stop: int | None, threads: int, filters: tuple[str, ...], format_: str
) -> list[str]:
    """Return FFmpeg's arguments for frames `start` ... `stop - 1`, filtered, raw on stdout."""
    import ffmpeg

    assert info.video is not None
    before: dict[str, object] = {"v": "level+warning", "nostdin": None, "threads": threads}
    skipped = start
    wanted = None if stop is None else stop - start
    if start >= SEEK_FRAMES and SEEKABLE & set(info.format.split(",")):
        timeline = read_timeline(info.path)
        if start >= timeline.num_frames:
            start = timeline.num_frames - 1
        moment = (timeline.time(start - 1) + timeline.time(start)) / 2  # between two frames: no rounding can miss
        before |= {"seek_timestamp": 1, "ss": f"{float(moment + info.video.start_s):.6f}"}
        skipped -= start
    chain = [*filters, *([f"trim=start_frame={skipped}"] if skipped else []), format_]
    if info.is_image and (picture := identify_photo(info.path)) is not None and picture.demuxer:
        before["format"] = picture.demuxer[1]
    after: dict[str, object] = {
        "map": f"0:{info.video.index}",
        "fps_mode": "passthrough",
        "filter_threads": max(1, threads),
    }
    if wanted is not None:
        after["frames:v"] = wanted
    allowed = {"protocol_whitelist": "file,pipe", "format_whitelist": FORMATS}
    film = ffmpeg.input(f"file:{os.fspath(info.path)}", **allowed, **before)
    return ffmpeg.output(film, "pipe:", format="rawvideo", vf=",".join(chain), **after).compile()[1:]


def _read_whole(process: ToolProcess, room: memoryview) -> bool:
    """Fill `room` from a program's output; False if that ends before it is full."""
    filled = 0
    while filled < len(room):
        count = process.read_into(room[filled:])
        if not count:
            return False
        filled += count
    return True


def _check_end(info: MediaInfo, status: int, messages: bytes, num_frames: int) -> None:
    """Raise InputError if the decoder's last words show damage, or there is no frame (`num_frames` counts all)."""
    check_crash(status, "ffmpeg", info.path)
    found = next((line for line in messages.splitlines() if DAMAGE.search(line)), None)
    if status == 0 and found is None and num_frames:
        return
    reason = complaint(found or messages, info.path)
    hint = "copy it again or convert it"
    if not num_frames:
        raise InputError(f"no frame can be decoded ({reason})", info.path, hint)
    raise InputError(f"is damaged or truncated: {num_frames} frames can be decoded ({reason})", info.path, hint)
