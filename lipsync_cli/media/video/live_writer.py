"""A live film: frames and sound to one stream as they come, coded without delay."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, ReaderGoneError, UsageError
from lipsync_cli.media.ffmpeg import complaint, start_tool, widen_pipe
from lipsync_cli.media.sound.sound_pipe import ChangeSound
from lipsync_cli.media.sound.soundtrack import BITS_PER_CHANNEL
from lipsync_cli.media.tool_process import Patience, check_crash
from lipsync_cli.media.video.encode import filter_frames
from lipsync_cli.media.video.pipe_output import ENDLESS, PipeOutput
from lipsync_cli.media.video.yuv_frame import YuvFrame

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

ADDRESS = re.compile(r"(udp|tcp|srt|rtp|rtmp|rtmps|rist)://.+")
SCHEMES = {"rtmp": "flv", "rtmps": "flv", "rtp": "rtp_mpegts"}  # MPEG-TS for the others
SUFFIXES = {".mp4": "mp4", ".mov": "mov", ".m4v": "mp4", ".mkv": "matroska", ".ts": "mpegts", ".flv": "flv"}
WITHOUT_TAGS = ("mpegts", "rtp_mpegts")
START_S = 0.4  # of frames that are held at the beginning, while the encoder waits for sound
KEY_FRAMES_S = 2  # so often somebody who comes later can begin to watch
CONTAINER = {
    "mp4": ["-movflags", "frag_keyframe+delay_moov+default_base_moof+use_metadata_tags", "-frag_duration", "200000"],
    "matroska": ["-cluster_time_limit", "200"],
    "mpegts": ["-muxdelay", "0", "-muxpreload", "0"],
}
CONTAINER |= {"mov": CONTAINER["mp4"], "rtp_mpegts": CONTAINER["mpegts"]}


@dataclass(frozen=True)
class Target:
    """Where a live film goes.

    Attributes
    ----------
    name : a file, an address such as udp://127.0.0.1:5000, or "-"
    container : FFmpeg's name
    descriptor : of a pipe; None: FFmpeg opens what is named
    """

    name: str
    container: str
    descriptor: int | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.descriptor is None and ADDRESS.fullmatch(self.name) is None

    @property
    def holds_tags(self) -> bool:
        """Whether there is room for metadata."""
        return self.container not in WITHOUT_TAGS


def find_target(name: str, container: str | None = None, descriptor: int | None = None) -> Target:
    """Return where a film of this name goes.

    Parameters
    ----------
    container : FFmpeg's name; None: what goes with the address, or the file's suffix; Matroska of a pipe
    descriptor : of standard output, which "-" stands for

    Raises
    ------
    UsageError : it is no address that is known, or its suffix is that of no film
    """
    if name == "-":
        return Target(name, container or "matroska", descriptor)
    if ADDRESS.fullmatch(name):
        return Target(name, container or SCHEMES.get(name.partition("://")[0], "mpegts"))
    if "://" in name:
        raise UsageError(f"--to {name}: this kind of address is not known", hint="udp, tcp, srt, rtp, rtmp or a file")
    suffix = Path(name).suffix.lower()
    if container is None and suffix not in SUFFIXES:
        raise UsageError(f"--to {name}: is no kind of video", hint=f"choose from {', '.join(SUFFIXES)}, or --format")
    return Target(name, container or SUFFIXES[suffix])


class LiveWriter:
    """A context manager that takes frames and sound and gives a stream of H.264 and AAC without delay.

    Parameters
    ----------
    target : where it goes
    width, height, rate : of the frames, and how many a second
    sample_rate, channels : of the sound
    crf : quality
    tags : metadata
    color_tags, sample_aspect, is_yuv : as for `VideoWriter`
    change_sound : what the sound goes through before it is coded

    Raises
    ------
    InputError : from any method: the target cannot be written
    ReaderGoneError : likewise: nobody reads the pipe any more
    ToolError : the encoder crashes
    """

    def __init__(
        self,
        target: Target,
        width: int,
        height: int,
        rate: Fraction,
        sample_rate: int,
        channels: int,
        *,
        crf: int = 18,
        tags: dict[str, str] | None = None,
        color_tags: dict[str, str] | None = None,
        sample_aspect: Fraction = Fraction(1),
        is_yuv: bool = False,
        change_sound: ChangeSound | None = None,
    ) -> None:
        self._target, self._rate, self._change = target, sample_rate, change_sound or (lambda pieces, rate: pieces)
        self._odd = width % 2, height % 2
        source, self._sink = os.pipe()
        layout, size = "yuv420p" if is_yuv else "rgb24", f"{width + width % 2}x{height + height % 2}"
        fast = ["-probesize", "32", "-analyzeduration", "0", "-thread_queue_size", "64"]
        shown = [*fast, "-f", "rawvideo", "-pixel_format", layout, "-video_size", size, "-framerate", str(rate)]
        heard = [*fast, "-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels)]
        coding = ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-crf", str(crf)]
        coding += [
            "-g",
            str(round(KEY_FRAMES_S * rate)),
            "-c:a",
            "aac",
            "-b:a",
            str(BITS_PER_CHANNEL * min(2, channels)),
        ]
        args = ["-v", "error", "-nostdin", "-y", *shown, "-i", "pipe:0", *heard, "-i", f"pipe:{source}"]
        args += ["-map", "0:v:0", "-map", "1:a:0", "-vf", filter_frames(color_tags, sample_aspect, is_yuv), *coding]
        for key, value in (tags or {}).items():
            args += ["-metadata", f"{key}={value}"]
        args += ["-flush_packets", "1", *CONTAINER.get(target.container, []), "-f", target.container]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
        self._process = start_tool(
            "ffmpeg",
            [*args, _address(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if target.descriptor is None else target.descriptor,
            stderr=self._messages,
            pass_fds=(source,),
            patience=Patience(ENDLESS, ENDLESS),  # who watches may pause
        )
        os.close(source)
        assert self._process.stdin is not None
        widen_pipe(self._process.stdin.fileno())
        self._sound: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._num_early = ceil(START_S * rate)
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(self._num_early)
        self._number, self._is_broken = 0, False
        senders = (self._send_sound, "lipsync-sound"), (self._send_frames, "lipsync-frames")
        self._threads = [threading.Thread(target=send, name=name, daemon=True) for send, name in senders]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> LiveWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: Frame) -> None:
        """Take the next frame, (height, width, 3) uint8 RGB or 4:2:0, and wait until the encoder has it.

        The first ones are not waited for: the encoder takes no second frame before it has heard some sound.
        """
        import numpy as np

        pixels = frame.planes if isinstance(frame, YuvFrame) else frame
        if any(self._odd):  # 4:2:0 frames never are
            pixels = np.pad(pixels, ((0, self._odd[1]), (0, self._odd[0]), (0, 0)), mode="edge")
        self._frames.put(np.ascontiguousarray(pixels))
        self._number += 1
        if self._number > self._num_early:
            self._frames.join()
        if self._is_broken:
            self._fail()

    def write_sound(self, samples: np.ndarray) -> None:
        """Take the next samples (n, channels) float32."""
        if len(samples):
            self._sound.put(samples)

    def close(self) -> None:
        """End the stream in good order."""
        self._sound.put(None)
        self._frames.join()
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            self._fail()
        if self._is_broken or self._process.wait():
            self._fail()
        self._stop_threads()
        self._messages.close()

    def abort(self) -> None:
        """End the encoder at once."""
        self._process.end()
        self._stop_threads()
        self._messages.close()

    def _stop_threads(self) -> None:
        self._sound.put(None)
        self._frames.put(None)
        for thread in self._threads:
            thread.join()

    def _send_frames(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                if not self._is_broken:
                    self._process.write(frame.data.cast("B"))
            except OSError:
                self._is_broken = True  # the encoder is gone; whoever writes next is told
            finally:
                self._frames.task_done()

    def _send_sound(self) -> None:
        try:
            for piece in self._change(self._pieces(), self._rate):
                rest = memoryview(piece.astype("<f4").tobytes())
                while rest:
                    rest = rest[os.write(self._sink, rest) :]
        except BrokenPipeError:
            pass  # the encoder is gone, and says why
        finally:
            os.close(self._sink)

    def _pieces(self) -> Iterator[np.ndarray]:
        while (piece := self._sound.get()) is not None:
            yield piece

    def _fail(self) -> None:
        status = self._process.wait()
        self._messages.seek(0)
        words = self._messages.read(1 << 16)
        is_unread = self._target.descriptor is not None and PipeOutput.has_lost_reader(self._messages)
        self.abort()
        if is_unread:
            raise ReaderGoneError
        check_crash(status, "ffmpeg", self._target.name)
        hint = "look whether there is room" if self._target.is_file else "look whether somebody listens there"
        raise InputError(f"cannot be written ({complaint(words, self._target.name)})", self._target.name, hint)


def _address(target: Target) -> str:
    if target.descriptor is not None:
        return "pipe:1"
    return f"file:{target.name}" if target.is_file else target.name
