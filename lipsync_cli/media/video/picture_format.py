"""Pictures that are more, or other, than 8-bit whole frames: what becomes of them, in filters and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.ffmpeg import HINT, run_tool
from lipsync_cli.media.probe import MediaInfo, VideoStream
from lipsync_cli.media.video.yuv_frame import SHARES

FIELDS = {"tt", "bb", "tb", "bt"}  # FFmpeg's names of the orders of fields
HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}  # ITU-R BT.2100
CODED = {"yuv420p", "yuvj420p", "nv12", "nv21"}  # 4:2:0, 8 bits
PLAIN = {*CODED, "gray", "pal8", None}
ALPHA = re.compile(r"yuva|rgba|argb|bgra|abgr|gbrap|ayuv|vuya|^ya\d")
DEPTH = re.compile(r"(?<!\d)(9|10|12|14|16|f?32)(le|be)|p0(10|12|16)|p[24](10|12|16)|(48|64)(le|be)")


@dataclass(frozen=True)
class Conversion:
    """What is done to a source's picture.

    Attributes
    ----------
    filters : FFmpeg's, for `read_frames`; they neither add nor drop frames
    notes : what is lost, each a clause
    color_tags : of the frames that come out, for `VideoWriter`
    matrix : of the frames that come out, if they can be kept as they are coded, for `read_yuv_frames`; None: they are
        converted to RGB
    """

    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    color_tags: dict[str, str] | None = None
    matrix: str | None = None


def plan_conversion(info: MediaInfo, deinterlace: bool | None = None, tonemap: bool = False) -> Conversion:
    """Decide how the picture of a file becomes whole 8-bit frames of standard dynamic range.

    Parameters
    ----------
    deinterlace : True makes a whole frame of each pair of fields, False takes the frames as they are; None refuses
        interlaced video
    tonemap : whether high dynamic range may be compressed to the standard one

    Raises
    ------
    InputError : the video is interlaced or of high dynamic range, and nothing was said about it
    ToolError : FFmpeg was built without the filter that is needed
    """
    video = info.video
    if video is None or info.is_image:
        return Conversion()
    filters: list[str] = []
    if video.field_order in FIELDS and deinterlace is None:
        hint = "use --deinterlace, or --no-deinterlace if its frames are whole all the same"
        raise InputError("is interlaced: each frame holds two moments", info.path, hint)
    if deinterlace:
        filters.append(f"{_available('bwdif', 'yadif')}=mode=send_frame:deint=all")
    if video.color_transfer not in HDR:
        matrix = _matrix(video.color_space or "smpte170m", video) if video.pix_fmt in CODED else None
        return Conversion(tuple(filters), tuple(_losses(video)), video.color_tags, matrix)
    name = HDR[video.color_transfer]
    if not tonemap:
        fact = f"is high dynamic range ({name}), which would come out pale and grey"
        raise InputError(fact, info.path, "use --tonemap to convert it to standard range")
    filters += _tonemap(video)
    notes = (f"{name} is converted to standard dynamic range, 8 bits, BT.709",)
    return Conversion(tuple(filters), notes, None, _matrix("bt709", video))


def _matrix(name: str, video: VideoStream) -> str | None:
    """Return a matrix if frames of 4:2:0 can be worked on: it is a known one, and width and height are even."""
    return name if name in SHARES and not video.width % 2 and not video.height % 2 else None


def _losses(video: VideoStream) -> list[str]:
    """Return what an 8-bit 4:2:0 film without transparency does not keep."""
    layout = video.pix_fmt
    if layout in PLAIN or layout is None:
        return []
    lost = []
    if DEPTH.search(layout):
        lost.append("colours are rounded to 8 bits")
    if ALPHA.search(layout):
        lost.append("transparency is dropped")
    if "420" not in layout and not layout.startswith(("p01", "gray", "ya")):
        lost.append("colour is kept at half the resolution (4:2:0)")
    return [f"{layout}: {', '.join(lost)}"] if lost else []


def _tonemap(video: VideoStream) -> list[str]:
    """Return the filters from BT.2100 to BT.709; white (203 cd/m2, ITU-R BT.2408) stays white."""
    _available("zscale")
    _available("tonemap")
    tags = f"tin={video.color_transfer}:min={_zimg(video.color_space, 'bt2020nc')}"
    tags += f":pin={_zimg(video.color_primaries, 'bt2020')}:rin={'pc' if video.color_range == 'pc' else 'tv'}"
    return [
        f"zscale={tags}:t=linear:npl=203",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=tonemap=mobius:desat=0",
        "zscale=t=bt709:m=bt709:r=tv",
        "format=yuv420p",
    ]


def _zimg(name: str | None, default: str) -> str:
    names = {"bt2020nc": "2020_ncl", "bt2020c": "2020_cl", "bt2020": "2020", "bt709": "709", "smpte432": "smpte432"}
    return names.get(name or default, names[default])


def _available(*names: str) -> str:
    """Return the first of some filters that FFmpeg has; ToolError if it has none."""
    listed = run_tool("ffmpeg", ["-v", "error", "-filters"]).stdout.decode("ascii", "replace").split()
    found = next((name for name in names if name in listed), None)
    if found is None:
        raise ToolError(f"this FFmpeg has no filter {' or '.join(names)}", hint=HINT)
    return found
