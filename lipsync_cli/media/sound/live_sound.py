"""Sound as it comes: from a pipe, or from a file that is played in real time."""

from __future__ import annotations

import os
import queue
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import complaint, start_tool
from lipsync_cli.media.sound.raw_sound import CODINGS, RawSound
from lipsync_cli.media.sound.soundtrack import Soundtrack
from lipsync_cli.media.tool_process import check_crash
from lipsync_cli.runtime.wall_clock import Clock

if TYPE_CHECKING:
    import numpy as np

PIECE_S = 0.02  # of sound that is read at once
MOST_PIECES = 100  # that wait to be heard: 2 s, then whoever writes them waits
NAME = "standard input"


class Piece(NamedTuple):
    """Sound that has come.

    Attributes
    ----------
    arrived_s : when, on the clock
    samples : shape (n, channels) float32; none: nothing has come for as long as was waited
    """

    arrived_s: float
    samples: np.ndarray


class SoundFeed(Protocol):
    """Gives sound as it comes.

    Attributes
    ----------
    sample_rate, channels : of the samples
    """

    sample_rate: int
    channels: int

    def read(self, wait_s: float) -> Piece | None:
        """Return the next piece, an empty one if none comes within `wait_s`; None at the end."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class PipeFeed:
    """Sound from a pipe: raw, or a WAV, whose header need not know its length.

    Parameters
    ----------
    descriptor : of the pipe; it stays open
    clock : by which pieces are stamped
    raw : what the samples are; None: a WAV's header says it

    Raises
    ------
    InputError : what comes is no WAV that can be read
    """

    def __init__(self, descriptor: int, clock: Clock, raw: RawSound | None = None) -> None:
        self._raw, self._left = (raw, None) if raw is not None else read_wav_header(lambda n: _read(descriptor, n))
        self.sample_rate, self.channels = self._raw.sample_rate, self._raw.channels
        self._descriptor, self._clock = descriptor, clock
        self._pieces: queue.Queue[Piece | None] = queue.Queue(MOST_PIECES)
        self._closed = threading.Event()
        self._has_ended = False
        threading.Thread(target=self._run, name="lipsync-pipe", daemon=True).start()

    def read(self, wait_s: float) -> Piece | None:
        """See `SoundFeed`."""
        if self._has_ended:
            return None
        try:
            piece = self._pieces.get(timeout=max(0.0, wait_s)) if wait_s > 0 else self._pieces.get_nowait()
        except queue.Empty:
            return Piece(self._clock.now(), self._raw.samples(b""))
        self._has_ended = piece is None
        return piece

    def close(self) -> None:
        """See `SoundFeed`; what waits for the pipe ends with the process."""
        self._closed.set()

    def _run(self) -> None:
        size, rest = max(1, round(PIECE_S * self.sample_rate)) * self._raw.frame_bytes, b""
        while not self._closed.is_set() and self._left != 0:
            try:
                data = os.read(self._descriptor, size if self._left is None else min(size, self._left))
            except OSError:
                break
            if not data:
                break
            if self._left is not None:
                self._left -= len(data)
            data = rest + data
            whole = len(data) // self._raw.frame_bytes * self._raw.frame_bytes
            rest = data[whole:]
            if whole:
                self._put(Piece(self._clock.now(), self._raw.samples(data[:whole])))
        self._put(None)

    def _put(self, piece: Piece | None) -> None:
        while not self._closed.is_set():
            try:
                return self._pieces.put(piece, timeout=0.2)
            except queue.Full:
                continue


class FileFeed:
    """The sound of a file, given as if it were played: each piece when its last sample would be heard.

    Parameters
    ----------
    path : a sound file, or a video with sound
    clock : that paces it

    Raises
    ------
    InputError : here or from `read`: the file is missing, damaged, or has no sound
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._track, self._path, self._clock = Soundtrack(path), path, clock
        self.sample_rate, self.channels = self._track.sample_rate, self._track.channels
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
        form = ["-ac", str(self.channels), "-f", "f32le", "-c:a", "pcm_f32le", "-"]
        options = ["-v", "error", "-nostdin", "-threads", "1", *self._track.input(), *self._track.filtered(0), "-vn"]
        self._decoder = start_tool(
            "ffmpeg",
            [*options, *form],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._messages,
        )
        self._form = RawSound(self.sample_rate, "f32le", self.channels)
        self._start_s: float | None = None
        self._given, self._next = 0, b""

    def read(self, wait_s: float) -> Piece | None:
        """See `SoundFeed`."""
        now = self._clock.now()
        if self._start_s is None:
            self._start_s = now
        if not self._next and not self._fill():
            return None
        length = len(self._next) // self._form.frame_bytes
        due_s = self._start_s + (self._given + length) / self.sample_rate
        if due_s > now + wait_s:
            self._clock.wait(wait_s)
            return Piece(self._clock.now(), self._form.samples(b""))
        self._clock.wait(due_s - now)
        samples, self._next = self._form.samples(self._next), b""
        self._given += length
        return Piece(due_s, samples)

    def close(self) -> None:
        """See `SoundFeed`."""
        self._decoder.end()
        self._messages.close()

    def _fill(self) -> bool:
        """Decode the next piece; False at the end."""
        size = max(1, round(PIECE_S * self.sample_rate)) * self._form.frame_bytes
        while len(self._next) < size and (data := self._decoder.read(size - len(self._next))):
            self._next += data
        if self._next:
            return True
        status = self._decoder.wait()
        self._messages.seek(0)
        words = self._messages.read(1 << 16)
        check_crash(status, "ffmpeg", self._path)
        if status:
            raise InputError(f"the sound cannot be decoded ({complaint(words, self._path)})", self._path)
        return False


def read_wav_header(read: Callable[[int], bytes]) -> tuple[RawSound, int | None]:
    """Read a WAV up to its first sample.

    Parameters
    ----------
    read : gives so many bytes, fewer only at the end

    Returns
    -------
    what the samples are; how many bytes of them follow, None if the header does not know

    Raises
    ------
    InputError : it is no WAV, or of another coding than those of `raw_sound`
    """
    hint = "give a WAV, or raw samples with --rate"
    start = read(12)
    if not start:
        raise InputError("is empty", NAME, "look what the program before it says")
    if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        raise InputError("is no WAV", NAME, hint)
    found: RawSound | None = None
    while len(head := read(8)) == 8:
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"data" and found is not None:
            return found, None if size in (0, 0xFFFF_FFFF) or size >= 0x7FFF_0000 else size
        body = read(size + size % 2)
        if kind == b"fmt " and len(body) >= 16:
            tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
            tag = int.from_bytes(body[24:26], "little") if tag == 0xFFFE and len(body) >= 26 else tag
            coding = next((name for name, known in CODINGS.items() if known == (tag, bits)), None)
            if coding is None or not channels or not rate:
                raise InputError(f"holds sound of another coding (format {tag}, {bits} bits)", NAME, hint)
            found = RawSound(rate, coding, channels)
    raise InputError("is a WAV without samples", NAME, hint)


def _read(descriptor: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := os.read(descriptor, min(size, 1 << 16))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
