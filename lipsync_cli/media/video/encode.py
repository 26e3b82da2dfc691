"""Frames to a film: H.264 and AAC in one file, every frame at its exact time."""

from __future__ import annotations

import math
import os
import re
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError, ReaderGoneError
from lipsync_cli.media.ffmpeg import complaint, run_tool, source, start_tool, widen_pipe
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.decoder import picture_start
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.media.sound.sound_pipe import ChangeSound, SoundPipe
from lipsync_cli.media.sound.soundtrack import Soundtrack
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.tool_process import check_crash
from lipsync_cli.media.video import matroska
from lipsync_cli.media.video.pipe_output import PipeOutput
from lipsync_cli.media.video.yuv_frame import YuvFrame

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

# FFmpeg's names of the matrices that swscale knows, by the tag of the stream. Silent files are taken as BT.601, as when
# they are decoded.
MATRICES = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470bg": "bt470",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
BT709 = {"color_space": "bt709", "color_primaries": "bt709", "color_transfer": "bt709"}
WRITE_ERROR = re.compile(rb"Error writing|Error muxing|No space left|File too large|Input/output error|Disk quota")
# Without it the fastest presets need almost twice the bits; with it "superfast" is within a tenth of "veryfast", for
# two thirds of its time.
LOOKAHEAD = ("-mbtree", "1", "-rc-lookahead", "10")
# Of large frames, one B frame in a row instead of up to three takes a tenth of x264's time off. With so much more of
# `crf` films are then as large and as good as before; small frames would need a twentieth more bits.
SMALL_PIXELS = 640 * 360
FEW_B_FRAMES, CRF_MORE = ("-bf", "1"), 0.6
MOVIE_TIMESCALE = 90_000
MAX_TIMESCALE = 10_000_000  # finer ticks are rounded to 1/90000 s


class VideoWriter:
    """A context manager that takes frames and writes an MP4 (or .mov, .mkv, or a stream) with H.264 and AAC.

    Parameters
    ----------
    path : file to write; an existing one is overwritten, so give the temporary name of `atomic_output`
    width, height : of the frames; an odd one is made even by doubling the last column or row
    timeline : when each frame is shown, or a constant number of frames per second
    audio : file whose sound is joined, a mix of several, or None for a silent film
    audio_duration_s : exact length of the sound, cut or filled with silence; None keeps its own
    audio_origin_s : moment of `audio`'s own clock that is heard at the first frame; None as in `read_speech`
    crf, preset : quality (0 ... 51, lower is better) and speed of x264
    tags : metadata of the file
    color_tags : as `VideoStream.color_tags`; {} writes none (BT.601 matrix), None writes BT.709
    sample_aspect : width of a pixel over its height
    threads : of the encoder; 0 lets it choose
    change_sound, least_rate : what the sound goes through, such as `audio_watermark.mark`, and its least sample rate
    keep_clock : keep the timeline's ticks even if all its frames stand equally long, as in a piece of a variable rate
    is_yuv : whether the frames are `YuvFrame`s, of the matrix that `color_tags` name, else they are arrays of RGB
    stream : where the film goes if it is no file; `path` is then not used

    Raises
    ------
    InputError : from `write`, `close` or on leaving the block: the file cannot be written (disk full, no such folder)
        or the sound cannot be read
    ReaderGoneError : likewise: nobody reads the stream any more
    ToolError : the encoder crashes, or gives no sign of life
    ValueError : more or fewer frames were given than the timeline has
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        timeline: Timeline | Fraction | int,
        audio: str | Path | Mix | None = None,
        audio_duration_s: Fraction | None = None,
        *,
        audio_origin_s: Fraction | None = None,
        crf: int = 18,
        preset: str = "superfast",
        tags: dict[str, str] | None = None,
        color_tags: dict[str, str] | None = None,
        sample_aspect: Fraction = Fraction(1),
        threads: int = 0,
        change_sound: ChangeSound | None = None,
        least_rate: int = 0,
        keep_clock: bool = False,
        is_yuv: bool = False,
        stream: PipeOutput | None = None,
    ) -> None:
        if is_yuv and (width % 2 or height % 2):
            raise ValueError(f"frames of 4:2:0 have an even width and height, not {width}x{height}")
        self.path = Path(path if stream is None else stream.name)
        self.width, self.height, self.num_frames = width, height, 0
        self._is_yuv, self._stream = is_yuv, stream
        self._rate = None if keep_clock else constant_rate(timeline)
        self._timeline = timeline if isinstance(timeline, Timeline) else None
        sound = Soundtrack(audio, audio_duration_s, audio_origin_s, least_rate) if audio is not None else None
        self._sound = (
            SoundPipe(sound, change_sound)
            if sound is not None and (change_sound is not None or sound.is_uneven)
            else None
        )
        self._size = width + width % 2, height + height % 2
        self._padded: np.ndarray | None = None
        coding = ["-c:v", "libx264", "-preset", preset, *LOOKAHEAD, *_quality(crf, width * height)]
        coding += ["-threads", str(threads)]
        opened = (self._sound or sound).input() if sound else []
        coded = sound.output(1, filtered=self._sound is not None) if sound else []
        args = ["-v", "error", "-nostdin", "-y", *self._input(), *opened]
        args += [
            "-map",
            "0:v:0",
            "-vf",
            filter_frames(color_tags, sample_aspect, is_yuv),
            *coding,
            "-fps_mode",
            "passthrough",
        ]
        args += [*self._clock(), *coded, *(container(self.path, tags) if stream is None else stream.options(tags))]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
        self._process = start_tool(
            "ffmpeg",
            args,
            stdin=subprocess.PIPE,
            stderr=self._messages,
            pass_fds=() if self._sound is None else (self._sound.descriptor,),
            **({"stdout": subprocess.DEVNULL} if stream is None else stream.process_options()),
        )
        if self._sound is not None:
            self._sound.start()
        assert self._process.stdin is not None
        widen_pipe(self._process.stdin.fileno())
        if self._rate is None:
            self._send(matroska.header(*self._size, b"I420" if is_yuv else b"RGB\x18"))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: Frame) -> None:
        """Append a frame, (height, width, 3) uint8 RGB or 4:2:0; it may be changed as soon as this returns."""
        import numpy as np

        pixels = frame.planes if isinstance(frame, YuvFrame) else frame
        if frame.shape != (self.height, self.width, 3) or pixels.dtype != np.uint8:
            wanted = f"({self.height}, {self.width}, 3) uint8"
            raise ValueError(f"a frame of shape {frame.shape} {pixels.dtype} was given, {wanted} is wanted")
        if isinstance(frame, YuvFrame) is not self._is_yuv:
            raise ValueError(f"a {type(frame).__name__} was given to a writer with is_yuv={self._is_yuv}")
        if self._timeline is not None and self.num_frames >= self._timeline.num_frames:
            raise ValueError(f"more than the timeline's {self._timeline.num_frames} frames were given")
        if self._size != (self.width, self.height):
            pixels = self._even(pixels)
        if self._rate is None:
            assert self._timeline is not None
            start, end = (self._timeline.time(number) for number in (self.num_frames, self.num_frames + 1))
            self._send(matroska.frame_header(start, end - start, pixels.nbytes))
        self._send(np.ascontiguousarray(pixels).data.cast("B"))
        self.num_frames += 1

    def close(self) -> None:
        """Finish the file and check that it was written whole."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        if self._rate is None:
            self._send(matroska.trailer())
        try:
            self._process.stdin.close()
        except OSError:
            self._fail()
        code = self._process.wait(self.path)
        if self._sound is not None:
            self._sound.finish()
        if code or is_cut(self._messages, None if self._stream is not None else self.path, self.num_frames):
            self._fail()
        self._messages.close()
        if self._timeline is not None and self.num_frames != self._timeline.num_frames:
            raise ValueError(f"{self.num_frames} of the timeline's {self._timeline.num_frames} frames were given")

    def abort(self) -> None:
        """Stop the encoder; what it has written so far is no whole file."""
        self._process.end()
        if self._sound is not None:
            self._sound.stop()
        self._messages.close()

    def _input(self) -> list[str]:
        """Return the options of the pipe."""
        if self._rate is None:
            return ["-f", "matroska", "-probesize", "32", "-analyzeduration", "0", "-i", "pipe:0"]
        size, rate = f"{self._size[0]}x{self._size[1]}", f"{self._rate.numerator}/{self._rate.denominator}"
        layout = "yuv420p" if self._is_yuv else "rgb24"
        return ["-f", "rawvideo", "-pixel_format", layout, "-video_size", size, "-framerate", rate, "-i", "pipe:0"]

    def _clock(self) -> list[str]:
        """Return the options that keep every tick of a variable rate."""
        if self._rate is not None or self._timeline is None:
            return []
        line, ticks = self._timeline, self._timeline.time_base.denominator
        if ticks > MAX_TIMESCALE:
            ticks = MOVIE_TIMESCALE
        last, end = line.time(line.num_frames - 1), line.duration_s
        before = line.time(line.num_frames - 2) if line.num_frames > 1 else Fraction(-1)
        is_last = f"gt(PTS*TB,{float((last + before) / 2):.9f})"
        duration = f"if({is_last},round({float(end - last):.9f}/TB),DURATION)"
        options = ["-bf", "0", "-bsf:v", f"setts=duration='{duration}'"]  # or the last frame would not be shown
        return ["-enc_time_base", f"1:{ticks}", "-video_track_timescale", str(ticks), *options]

    def _even(self, frame: np.ndarray) -> np.ndarray:
        """Return the frame with its last column or row doubled."""
        import numpy as np

        if self._padded is None:
            self._padded = np.empty((self._size[1], self._size[0], 3), np.uint8)
        self._padded[: self.height, : self.width] = frame
        self._padded[: self.height, self.width :] = frame[:, -1:]
        self._padded[self.height :] = self._padded[self.height - 1]
        return self._padded

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self._process.write(data)
        except OSError:
            self._fail()

    def _fail(self) -> None:
        """Raise InputError with the encoder's last words, or ToolError if it has crashed."""
        status = self._process.wait(self.path)
        self._messages.seek(0)
        words = self._messages.read(1 << 16)
        is_unread = self._stream is not None and self._stream.has_lost_reader(self._messages)
        self.abort()
        if is_unread:
            raise ReaderGoneError
        check_crash(status, "ffmpeg", self.path)
        reason = "it may not grow so large" if status < 0 else complaint(words, self.path)
        raise InputError(f"cannot be written ({reason})", self.path, "make room or choose another output")


def is_cut(messages: IO[bytes], path: Path | None, num_frames: int) -> bool:
    """Whether the file is not whole although the encoder ended well, as it does when the disk fills up at the end.

    Of a stream, whose path is None, only what the encoder says tells that.
    """
    messages.seek(0)
    if WRITE_ERROR.search(messages.read(1 << 16)):
        return True
    if path is None:
        return False
    try:
        video = probe(path).video
    except InputError:
        return num_frames > 0
    return video is None or video.num_frames not in (None, num_frames)


def mux(
    video: str | Path,
    audio: str | Path,
    output: str | Path,
    audio_duration_s: Fraction | None = None,
    audio_origin_s: Fraction | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Join the picture of one file, as it is coded, with the sound of another; the parameters are `VideoWriter`'s.

    Raises
    ------
    InputError : one of the inputs cannot be read or the output cannot be written
    """
    sound, start_s = Soundtrack(audio, audio_duration_s, audio_origin_s), picture_start(probe(video))
    if start_s is None:
        raise InputError("has no picture stream", video)
    shown = ["-copyts", "-itsoffset", f"{float(-start_s):.6f}", *source(video)]
    args = ["-v", "error", "-nostdin", "-y", *shown, *sound.input(), "-map", "0:V:0", "-c:v", "copy"]
    result = run_tool("ffmpeg", [*args, *sound.output(1), *container(Path(output), tags)])
    if result.returncode or WRITE_ERROR.search(result.stderr):
        raise InputError(f"cannot be written ({complaint(result.stderr, output)})", output, "make room")


def container(path: Path, tags: dict[str, str] | None) -> list[str]:
    """Return the options that end FFmpeg's command line: metadata and the file's name."""
    options: list[str] = []
    for key, value in (tags or {}).items():
        options += ["-metadata", f"{key}={value}"]
    if path.suffix.lower() in (".mp4", ".mov", ".m4v"):
        options += ["-movflags", "+faststart+use_metadata_tags", "-movie_timescale", str(MOVIE_TIMESCALE)]
    return [*options, f"file:{os.fspath(path)}"]


def constant_rate(timeline: Timeline | Fraction | int) -> Fraction | None:
    """Return the frames per second if every frame stands equally long, else None."""
    import numpy as np

    if not isinstance(timeline, Timeline):
        return Fraction(timeline)
    steps = np.diff(timeline.pts)
    return 1 / (int(steps[0]) * timeline.time_base) if (steps == steps[0]).all() else None


def _quality(crf: int, num_pixels: int) -> list[str]:
    """Return the options for a quality; 0 means without loss."""
    if num_pixels <= SMALL_PIXELS or not crf:
        return ["-crf", str(crf)]
    return [*FEW_B_FRAMES, "-crf", str(min(crf + CRF_MORE, 51))]


def filter_frames(color_tags: dict[str, str] | None, sample_aspect: Fraction, is_yuv: bool) -> str:
    """Return the filters from RGB to 4:2:0 that undo what `read_frames` does, unless it is 4:2:0, and its tags."""
    tags = BT709 if color_tags is None else color_tags
    if tags.get("color_space") not in (None, *MATRICES):
        tags = BT709
    matrix = MATRICES.get(tags.get("color_space", ""), "smpte170m")
    names = {"color_space": "colorspace", "color_primaries": "color_primaries", "color_transfer": "color_trc"}
    known = [f"{name}={tags.get(key, 'unknown')}" for key, name in names.items()]
    aspect = sample_aspect.limit_denominator(math.isqrt(1 << 30))
    convert = [f"scale=out_color_matrix={matrix}:out_range=tv:flags=area+accurate_rnd"]
    return ",".join(
        [
            *([] if is_yuv else convert),
            "format=yuv420p",
            ":".join(["setparams=range=tv", *known]),
            f"setsar={aspect.numerator}/{aspect.denominator}",
        ]
    )
