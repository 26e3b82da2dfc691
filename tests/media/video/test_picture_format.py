"""Interlaced, deep, transparent and high-range pictures: converted in words, or refused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, number_of

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.picture_format import plan_conversion

HLG_TAGS = ("-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")


@pytest.mark.parametrize("name", ["a.mp4", "a.mpg"])
def test_interlaced(ffmpeg: Ffmpeg, tmp_path: Path, name: str) -> None:
    """A bar that moves from field to field becomes whole again; no frame is added or lost."""
    fields = np.full((48, 48, 160, 3), 30, np.uint8)
    for number, field in enumerate(fields):
        field[:, 20 + 2 * number : 40 + 2 * number] = 220
    coding = {"a.mp4": ("-c:v", "libx264", "-x264opts", "tff=1"), "a.mpg": ("-c:v", "mpeg2video", "-q:v", "2")}
    weave = ("-vf", "tinterlace=interleave_top,fieldorder=tff,format=yuv420p", "-flags", "+ilme+ildct")
    raw = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "160x48", "-framerate", "50", "-i", "pipe:0")
    clip = tmp_path / name
    ffmpeg(*raw, *weave, *coding[name], "-top", "1", clip, data=fields.tobytes())
    info = probe(clip)
    with pytest.raises(InputError, match=r"is interlaced.*use --deinterlace, or --no-deinterlace"):
        plan_conversion(info)
    assert plan_conversion(info, deinterlace=False).filters == ()
    filters = plan_conversion(info, deinterlace=True).filters
    frames, woven = list(read_frames(clip, filters=filters)), list(read_frames(clip))
    assert len(frames) == len(woven) == read_timeline(clip).num_frames
    for number in (5, 11, 17):
        whole, torn = (np.abs(np.diff(film[number].astype(int), axis=0)).mean() for film in (frames, woven))
        assert whole < 0.2 * torn
    part = list(read_frames(clip, 6, 9, filters=filters))
    assert all(np.array_equal(one, other) for one, other in zip(part, frames[6:9], strict=True))


def test_high_dynamic_range(make_clip: MakeClip, only_programs: Callable[..., None]) -> None:
    clip = make_clip("hlg.mp4", 6, 25, "-c:v", "libx264", "-pix_fmt", "yuv420p10le", *HLG_TAGS)
    info = probe(clip)
    with pytest.raises(InputError, match=r"high dynamic range \(HLG\).*use --tonemap"):
        plan_conversion(info)
    conversion = plan_conversion(info, tonemap=True)
    assert conversion.color_tags is None
    assert "standard dynamic range" in conversion.notes[0]
    frames = list(read_frames(clip, filters=conversion.filters))
    assert [number_of(frame) for frame in frames] == list(range(6))
    only_programs(ffmpeg="echo ' scale  V->V '")
    with pytest.raises(ToolError, match="no filter zscale"):
        plan_conversion(info, tonemap=True)


@pytest.mark.parametrize(
    ("pix_fmt", "lost"),
    [
        ("yuv420p", ()),
        ("yuvj420p", ()),
        ("yuv420p10le", ("8 bits",)),
        ("p010le", ("8 bits",)),
        ("yuva444p12le", ("8 bits", "transparency", "half the resolution")),
        ("rgba", ("transparency", "half the resolution")),
        ("yuv422p", ("half the resolution",)),
        ("gbrp", ("half the resolution",)),
        ("gray16le", ("8 bits",)),
    ],
)
def test_what_is_lost_is_told(make_clip: MakeClip, pix_fmt: str, lost: tuple[str, ...]) -> None:
    info = probe(make_clip("plain.mp4", 2))
    assert info.video is not None
    notes = plan_conversion(replace(info, video=replace(info.video, pix_fmt=pix_fmt))).notes
    assert len(notes) == bool(lost)
    for word in ("8 bits", "transparency", "half the resolution"):
        assert (word in "".join(notes)) == (word in lost)


def test_transparency_beside_the_picture_is_told(make_clip: MakeClip) -> None:
    """WebM keeps it in a layer of its own, which FFmpeg's decoders do not show."""
    options = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0")
    clip = make_clip("a.webm", 5, 25, *options)
    probe(clip)
    assert any("transparency" in text for text in notes_of(clip))


@pytest.mark.parametrize("pix_fmt", ["yuv422p10le", "yuva444p10le"])
def test_deep_and_transparent_pictures_are_read(make_clip: MakeClip, pix_fmt: str) -> None:
    profile = "4" if "yuva" in pix_fmt else "3"
    clip: Path = make_clip("deep.mov", 5, 25, "-c:v", "prores_ks", "-profile:v", profile, "-pix_fmt", pix_fmt)
    conversion = plan_conversion(probe(clip))
    assert "8 bits" in conversion.notes[0]
    assert ("transparency" in conversion.notes[0]) == ("yuva" in pix_fmt)
    assert [number_of(frame) for frame in read_frames(clip, filters=conversion.filters)] == list(range(5))
