"""The part of a video, or the photo, on which a mouth is drawn: which frames, when shown, how converted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import UsageError
from lipsync_cli.media.probe import MediaInfo
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.picture_format import Conversion
from lipsync_cli.synthesis.sources.frame_schedule import span, steady
from lipsync_cli.synthesis.sources.video_source import SPOOL_BYTES, VideoSource


@dataclass(frozen=True)
class SourceSettings:
    """Which part of a source is used, and how it is read.

    Attributes
    ----------
    start_s, end_s : the part of the video, in seconds from its first frame; None: to its end
    photo_fps : frames per second of the output if the source is a photo
    deinterlace, tonemap : see `plan_conversion`
    """

    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    photo_fps: Fraction = Fraction(25)
    deinterlace: bool | None = None
    tonemap: bool = False


@dataclass(frozen=True)
class SourceClip:
    """A part of a video, or a photo.

    Attributes
    ----------
    path : the file
    info : what `probe` says about it; it has a picture
    picture : what is done to its frames
    timeline : when the frames are shown, from `first_frame` on
    first_frame, start_s : number and time in the file of the frame that counts as frame 0
    spool_bytes : room on disk for frames that are needed more than once
    """

    path: Path
    info: MediaInfo
    picture: Conversion
    timeline: Timeline
    first_frame: int = 0
    start_s: Fraction = Fraction(0)
    spool_bytes: int = SPOOL_BYTES

    @property
    def is_photo(self) -> bool:
        """Whether it is a photo, which has one frame."""
        return self.info.is_image

    @property
    def sample_aspect(self) -> Fraction:
        """Width of a pixel over its height."""
        assert self.info.video is not None
        return self.info.video.sample_aspect

    def open(self, num_frames: int) -> VideoSource:
        """Return the source of its first `num_frames` frames, a context manager."""
        picture = self.picture
        return VideoSource(
            self.info,
            num_frames,
            self.spool_bytes,
            first=self.first_frame,
            filters=picture.filters,
            matrix=picture.matrix,
        )


def read_clip(path: Path, info: MediaInfo, picture: Conversion, settings: SourceSettings) -> SourceClip:
    """Find the part of a source that is used, by the times of its frames.

    Raises
    ------
    UsageError : there is no frame in this part, or a photo is to be cut
    InputError : the times of the frames cannot be read
    """
    if info.is_image:
        if settings.start_s or settings.end_s is not None:
            raise UsageError(f"{path}: a photo has no --start and no --end")
        return SourceClip(path, info, picture, Timeline.constant(settings.photo_fps, 1))
    assert info.video is not None
    timeline = steady(read_timeline(path), info.video.rate)
    first, stop = span(timeline, settings.start_s, settings.end_s)
    return SourceClip(path, info, picture, timeline.cut(first, stop), first, timeline.time(first))
