"""What a media file holds, read from its headers."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import check_file, complaint, run_tool, source
from lipsync_cli.media.headers.limits import check_picture, check_sound, check_times
from lipsync_cli.media.headers.track_choice import choose_tracks
from lipsync_cli.media.headers.trailing import note_trailing
from lipsync_cli.media.photo import Photo, identify_photo, read_avif, read_orientation
from lipsync_cli.media.reading import VIDEO, Reading, note, reading_of
from lipsync_cli.runtime.json_values import check_object, parse_json

CLOCK = re.compile(r"(\d+):(\d\d):(\d\d\.\d+)")


@dataclass(frozen=True)
class VideoStream:
    """The picture of a file.

    Attributes
    ----------
    width, height : in pixels, as shown, that is after rotation
    rate : average frames per second (`read_timeline` has the exact times)
    rotation : degrees clockwise (0, 90, 180, 270) by which the stored picture is turned to be shown
    pix_fmt, color_space, color_primaries, color_transfer, color_range : FFmpeg's names; None where the file is silent
    field_order : FFmpeg's name, such as "progressive" or "tt"; None where unknown
    start_s : when the first frame is shown, on the file's own clock
    num_frames : as the file's index says, which may count frames that are not shown; None where it is silent
    sample_aspect : width of a pixel over its height
    codec, time_base : FFmpeg's name of the coding, and the tick of the stream's clock in seconds
    index : number of the track among all streams of the file
    duration_s : as the header says; None where it is silent
    """

    width: int
    height: int
    rate: Fraction
    rotation: int = 0
    pix_fmt: str | None = None
    color_space: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None
    color_range: str | None = None
    field_order: str | None = None
    start_s: Fraction = Fraction(0)
    num_frames: int | None = None
    sample_aspect: Fraction = Fraction(1)
    codec: str | None = None
    time_base: Fraction = Fraction(1, 90_000)
    index: int = 0
    duration_s: Fraction | None = None

    @property
    def color_tags(self) -> dict[str, str]:
        """The colour tags that the file sets, as the keyword arguments of `VideoWriter`'s `color_tags`."""
        names = ("color_space", "color_primaries", "color_transfer", "color_range")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class AudioStream:
    """The sound of a file.

    `start_s` is when it starts on the file's own clock; Matroska tells it only to within the coder's filling.
    `index` is the number of the track among all streams of the file.
    """

    codec: str | None
    sample_rate: int
    channels: int
    start_s: Fraction = Fraction(0)
    duration_s: Fraction | None = None
    index: int = 0


@dataclass(frozen=True)
class MediaInfo:
    """What `probe` found: the picture that counts (no cover picture), the sound that counts, the tags.

    `start_s` is the earliest time in the file on its own clock; `format` is FFmpeg's name of the container.
    """

    path: Path
    video: VideoStream | None
    audio: AudioStream | None
    duration_s: Fraction | None
    is_image: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    format: str = ""
    start_s: Fraction = Fraction(0)


def probe(path: str | Path) -> MediaInfo:
    """Read what a video, sound or picture file holds.

    Raises
    ------
    InputError : the file is missing, empty, unreadable, neither picture nor sound, or beyond the limits of `limits.py`
    """
    check_file(path)
    status = os.stat(path)
    return _probe(os.fspath(path), status.st_mtime_ns, status.st_size, status.st_ino, reading_of(path))


@functools.lru_cache(maxsize=64)  # the same file is asked about by timeline, decode and audio in turn
def _probe(name: str, _mtime_ns: int, _size: int, _inode: int, reading: Reading) -> MediaInfo:
    path = Path(name)
    picture = identify_photo(path)
    if (
        picture is not None and picture.kind == "heic"
    ):  # FFmpeg reads none of it, or one of the tiles that it is made of
        raise InputError("is a HEIC photo, which cannot be read", path, "convert it to JPEG or PNG")
    if picture is not None and picture.kind == "avif" and not picture.is_animation:
        _check_avif(path)
    forced = [] if picture is None or picture.is_animation else picture.demuxer
    options = ["-v", "error", "-show_format", "-show_streams", "-of", "json", *forced]
    result = run_tool("ffprobe", [*options, *source(path)], path)
    try:
        found = check_object(parse_json(result.stdout or b"{}"), "it")
    except InputError:
        found = {}
    container, streams = found.get("format", {}), found.get("streams", [])
    if b"not on whitelist" in result.stderr:
        raise InputError(
            "is a list of other files, or text, not a video, sound or picture", path, "give the video itself"
        )
    if result.returncode or not streams:
        raise InputError(
            f"is not a video, sound or picture that can be read ({complaint(result.stderr, path)})",
            path,
            "copy it again or convert it",
        )
    is_image = _is_photo(path, picture, container.get("format_name", ""))
    orientation = read_orientation(path) if is_image else None
    shown, heard = choose_tracks(path, streams, reading)
    video = None if shown is None else _video(shown, orientation)
    if shown is not None and shown.get("tags", {}).get("alpha_mode", shown.get("tags", {}).get("ALPHA_MODE")) == "1":
        note(path, "its transparency, which WebM keeps beside the picture, is dropped", VIDEO)
    audio = None if heard is None else _audio(heard)
    if video is None and audio is None:
        raise InputError("holds neither picture nor sound", path)
    if video is not None and (video.width <= 0 or video.height <= 0):
        raise InputError(f"the picture has no size ({complaint(result.stderr, path)})", path, "the file may be damaged")
    tags = {str(key): str(value) for key, value in container.get("tags", {}).items()}
    duration_s = None if is_image else _fraction(container.get("duration"))
    start_s = _fraction(container.get("start_time")) or Fraction(0)
    if video is not None:
        check_picture(path, video.width, video.height)
    if audio is not None:
        check_sound(path, audio.sample_rate, audio.channels)
    both = (video.start_s, audio.start_s) if video is not None and audio is not None and not is_image else None
    check_times(path, duration_s, both)
    note_trailing(path, container.get("format_name", ""))
    return MediaInfo(path, video, audio, duration_s, is_image, tags, container.get("format_name", ""), start_s)


def _check_avif(path: Path) -> None:
    """Raise InputError if an AVIF photo is made of tiles, of which FFmpeg shows one; note what of it is not shown."""
    is_tiled, has_alpha = read_avif(path)
    if is_tiled:
        raise InputError("is an AVIF photo made of tiles, which cannot be read", path, "convert it to JPEG or PNG")
    if has_alpha:
        note(path, "its transparency, which AVIF keeps beside the picture, is dropped", VIDEO)


def _is_photo(path: Path, picture: Photo | None, format_name: str) -> bool:
    """Tell whether a file holds one picture; what is done with an animation is noted."""
    if picture is None:
        return format_name.endswith("_pipe")
    if picture.is_animation and picture.kind == "webp":
        raise InputError("is an animated WebP, which FFmpeg cannot read", path, "convert it to GIF or MP4")
    if picture.is_animation:
        note(path, f"is an animation ({picture.kind}), and is taken as a video", VIDEO)
    return not picture.is_animation


def _video(stream: dict[str, Any], orientation: int | None) -> VideoStream:
    rotation = _rotation(stream) if orientation is None else 0
    width, height = int(stream.get("width", 0)), int(stream.get("height", 0))
    aspect = _fraction(stream.get("sample_aspect_ratio", "1:1").replace(":", "/")) or Fraction(1)
    if rotation in (90, 270) or (orientation or 1) >= 5:
        width, height, aspect = height, width, 1 / aspect
    return VideoStream(
        width,
        height,
        rate=_fraction(stream.get("avg_frame_rate")) or _fraction(stream.get("r_frame_rate")) or Fraction(25),
        rotation=rotation,
        pix_fmt=stream.get("pix_fmt"),
        color_space=_known(stream.get("color_space")),
        color_primaries=_known(stream.get("color_primaries")),
        color_transfer=_known(stream.get("color_transfer")),
        color_range=_known(stream.get("color_range")),
        field_order=_known(stream.get("field_order")),
        start_s=_start(stream),
        num_frames=int(stream["nb_frames"]) if stream.get("nb_frames", "").isdigit() else None,
        sample_aspect=aspect,
        codec=stream.get("codec_name"),
        time_base=_fraction(stream.get("time_base")) or Fraction(1, 90_000),
        index=int(stream.get("index", 0)),
        duration_s=_duration(stream),
    )


def _audio(stream: dict[str, Any]) -> AudioStream:
    return AudioStream(
        codec=stream.get("codec_name"),
        sample_rate=int(stream["sample_rate"]),
        channels=int(stream.get("channels", 1)),
        start_s=_start(stream),
        duration_s=_duration(stream),
        index=int(stream.get("index", 0)),
    )


def _rotation(stream: dict[str, Any]) -> int:
    """Return the degrees clockwise, a multiple of 90; FFmpeg counts them the other way round."""
    for data in stream.get("side_data_list", []):
        if "rotation" in data:
            return round(-float(data["rotation"]) / 90) * 90 % 360
    return 0


def _start(stream: dict[str, Any]) -> Fraction:
    base, ticks = _fraction(stream.get("time_base")), stream.get("start_pts")
    return ticks * base if base and isinstance(ticks, int) else _fraction(stream.get("start_time")) or Fraction(0)


def _duration(stream: dict[str, Any]) -> Fraction | None:
    """Return how long a stream lasts; of Matroska, a tag says so."""
    base, ticks = _fraction(stream.get("time_base")) or Fraction(1, 90_000), stream.get("duration_ts")
    if isinstance(ticks, int):
        return ticks * base
    clock = CLOCK.fullmatch(stream.get("tags", {}).get("DURATION", ""))
    if clock is not None:
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + Fraction(clock[3])
    return _fraction(stream.get("duration"))


def _fraction(text: str | None) -> Fraction | None:
    """Return "30000/1001" or "2.96" exactly; None for what is absent, zero or unknown."""
    try:
        return Fraction(text) or None if text else None
    except (ValueError, ZeroDivisionError):
        return None


def _known(name: str | None) -> str | None:
    return None if name in (None, "unknown", "unspecified", "reserved") else name
