"""FFmpeg's decoder of sound: one channel and rate throughout, whatever the file does midway."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.clock import check_packets
from lipsync_cli.media.ffmpeg import complaint, source, start_tool
from lipsync_cli.media.headers.trailing import is_streamed
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.tool_process import ToolProcess, check_crash

if TYPE_CHECKING:
    import numpy as np

EXACT_LENGTH = {"aiff", "flac"}  # formats whose headers count the samples
STOPPED = re.compile(rb"Error demuxing input file")
CUT_SHORT = re.compile(rb"Packet corrupt|File ended prematurely|filesize and duration do not match")
# FFmpeg says so when its filters are set up, which happens again when the decoder's output changes, and when its
# resampler leaves samples out because their time has passed. Both come before the samples that they are about.
SET_UP = re.compile(rb"^\[graph_\S+ @ \S+\] \[verbose\] tb:\S+ samplefmt:\S+ samplerate:\d+", re.MULTILINE)
DISCARDED = re.compile(rb"^\[Parsed_aresample\S* @ \S+\] \[SWR @ \S+\] \[verbose\] discarding (\d+)", re.MULTILINE)
GAP = re.compile(rb"Failed to compensate for timestamp delta of (\d+)")
SPOKEN = re.compile(rb"\[(warning|error|fatal|panic)\]")
DISCARDED_S = 0.1  # less is jitter
MAX_BLOCK = 512 << 20  # bytes FFmpeg may take at once; it would fill a gap of hours in one piece
AHEAD_S = 1  # what is before the origin by more than this is told apart when samples are left out
_uneven: set[tuple[str, int, int]] = set()  # files whose sound changes midway, as far as they were decoded
_even: set[tuple[str, int, int]] = set()


def picture_start(info: MediaInfo) -> Fraction | None:
    """Return when the first video frame is shown on the file's own clock, or None if there is no film."""
    return None if info.video is None or info.is_image else info.video.start_s


def align(origin_s: Fraction | None, sample_rate: int) -> tuple[list[str], str]:
    """Return FFmpeg's options before the input, and the filter, that make `origin_s` of the file's clock sample 0.

    What is before the origin is cut, what is missing there or later is silence. None begins with the first sample.
    """
    if origin_s is None:
        return [], f"aresample={sample_rate}:async=1"
    filling = f"aresample={sample_rate}:async=1:min_comp=0.00001:first_pts=0"
    return ["-copyts", "-itsoffset", f"{float(-origin_s):.6f}"], filling


def decode(
    path: str | Path, sample_rate: int, block: int, origin_s: Fraction | None, channel: int | None = None
) -> Iterator[np.ndarray]:
    """Give all samples of a file's sound, mono, in pieces (block,) float32.

    Parameters
    ----------
    origin_s : moment on the file's own clock that becomes sample 0; None: the first sample
    channel : number of the channel that is taken; None: the mean of all, as loud as each of them where they agree

    Raises
    ------
    InputError : the sound is damaged or truncated, or its clock starts again beside a picture

    Notes
    -----
    Where the sound changes its rate or channels midway, FFmpeg sets its filters up again, which then begin at sample 0
    again. As soon as that is seen, the rest is decoded by `start_pinned`. A file without a picture whose clock starts
    again is played one piece after the other.
    """
    info = probe(path)
    filling = align(origin_s, sample_rate)[1]
    mono = f"{filling}:rematrix_maxval=1.0,aformat=sample_fmts=flt:channel_layouts=mono"
    if channel is not None:
        mono = f"pan=mono|c0=c{channel},{mono}"
    done = 0
    try:
        if is_known_uneven(path):
            raise _UnevenError
        with closing(_plain(info, sample_rate, block, origin_s, mono)) as pieces:  # type: ignore[type-var]
            for samples in pieces:
                done += len(samples)
                yield samples
        _even.add(_key(path))
        return
    except _UnevenError:
        _uneven.add(_key(path))
    with closing(_pinned(info, sample_rate, block, origin_s, channel)) as pieces:  # type: ignore[type-var]
        for samples in pieces:
            skipped, done = min(done, len(samples)), max(0, done - len(samples))
            if skipped < len(samples):
                yield samples[skipped:]


def is_uneven(path: str | Path) -> bool:
    """Tell whether the sound of a file changes midway; a file that was not decoded yet is decoded to find out."""
    if _key(path) not in _uneven | _even:
        info = probe(path)
        for _ in decode(path, info.audio.sample_rate if info.audio else 16_000, 1 << 18, picture_start(info)):
            pass
    return is_known_uneven(path)


def is_known_uneven(path: str | Path) -> bool:
    """Tell whether a file that was decoded before changes its sound midway."""
    return _key(path) in _uneven


def start_pinned(
    info: MediaInfo,
    origin_s: Fraction | None,
    sample_rate: int,
    form: Sequence[str],
    messages: IO[bytes],
    *,
    level: str = "warning",
) -> list[ToolProcess]:
    """Start the decoder of a sound that changes midway; the last of the processes gives samples f32le on its stdout.

    Parameters
    ----------
    form : filters that bring the sound to its channels, whatever comes in
    messages : where the programs complain
    level : of what they say

    Notes
    -----
    One program decodes to one rate and layout and keeps the times; another one, for which nothing changes, fills gaps.
    Without a picture there are no times to keep.
    """
    assert info.audio is not None
    start = ["-hide_banner", "-nostats", "-v", f"level+{level}", "-threads", "1"]
    pinned = ["-map", f"0:{info.audio.index}", "-vn", "-af", ",".join([f"aresample={sample_rate}", *form])]
    samples = ["-c:a", "pcm_f32le"]
    if origin_s is None:
        args = [*start, "-nostdin", *source(info.path), *pinned, *samples, "-f", "f32le", "-"]
        return [start_tool("ffmpeg", args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages)]
    before_s = max(Fraction(0), origin_s - info.audio.start_s) + AHEAD_S  # the file between has no times before 0
    moved = ["-copyts", "-itsoffset", f"{float(before_s - origin_s):.6f}"]
    args = [*start, "-nostdin", *moved, *source(info.path), *pinned, *samples, "-f", "nut", "-"]
    first = start_tool("ffmpeg", args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages)
    offset, filling = align(before_s, sample_rate)
    args = [*start, *offset, "-f", "nut", "-i", "pipe:0", "-af", filling, *samples, "-f", "f32le", "-"]
    second = start_tool("ffmpeg", args, stdin=first.stdout, stdout=subprocess.PIPE, stderr=messages)
    assert first.stdout is not None
    first.stdout.close()
    return [first, second]


class _UnevenError(Exception):
    """The sound changes its rate or channels, or its clock starts again."""


def _plain(
    info: MediaInfo, sample_rate: int, block: int, origin_s: Fraction | None, filters: str
) -> Iterator[np.ndarray]:
    """Decode in one go; _UnevenError before samples are given that come after a change."""
    assert info.audio is not None
    offset, _ = align(origin_s, sample_rate)
    start = ["-hide_banner", "-nostats", "-v", "level+verbose", "-nostdin", "-threads", "1"]
    start += ["-max_alloc", str(MAX_BLOCK), *offset]
    options = ["-map", f"0:{info.audio.index}", "-vn", "-af", filters, "-f", "f32le", "-c:a", "pcm_f32le", "-"]
    lead_s = 0.0 if origin_s is None else max(0.0, float(origin_s - info.audio.start_s))
    num_samples = 0
    with tempfile.TemporaryFile() as messages:
        process = start_tool(
            "ffmpeg",
            [*start, *source(info.path), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
        )
        try:
            for samples in _samples(process, block):
                _check_even(info, _read(messages), sample_rate, lead_s)
                num_samples += len(samples)
                yield samples
            process.wait()
        finally:
            _end([process])
        words = _read(messages)
        _check_even(info, words, sample_rate, lead_s)
        _check_done(info, words, process.returncode or 0, num_samples, sample_rate)


def _pinned(
    info: MediaInfo, sample_rate: int, block: int, origin_s: Fraction | None, channel: int | None
) -> Iterator[np.ndarray]:
    chosen = [] if channel is None else [f"pan=mono|c0=c{channel}"]
    mono = ["aresample=rematrix_maxval=1.0", "aformat=sample_fmts=flt:channel_layouts=mono"]
    num_samples = 0
    with tempfile.TemporaryFile() as messages:
        level = "verbose" if info.format == "flac" else "warning"
        processes = start_pinned(info, origin_s, sample_rate, [*chosen, *mono], messages, level=level)
        try:
            for samples in _samples(processes[-1], block):
                num_samples += len(samples)
                yield samples
            for process in processes:
                process.wait()
        finally:
            _end(processes)
        status = next((process.returncode for process in processes if process.returncode), 0)
        _check_done(info, _read(messages), status, num_samples, sample_rate)


def _check_even(info: MediaInfo, words: bytes, sample_rate: int, lead_s: float) -> None:
    """Raise _UnevenError if the decoder says that its output changed, or that it left out samples of a second clock."""
    assert info.audio is not None
    gap = GAP.search(words)
    if gap is not None:
        fact = f"there is a gap of {int(gap[1])} s in its sound, which is too long to be filled"
        raise InputError(fact, info.path, "cut the file there")
    if len(SET_UP.findall(words)) > 1:
        raise _UnevenError
    skipped = [int(number) / sample_rate for number in DISCARDED.findall(words)]
    if skipped and skipped[0] <= lead_s + DISCARDED_S:
        del skipped[0]
    if max(skipped, default=0.0) <= DISCARDED_S:
        return
    try:
        check_packets(info.path, info.audio.index)
    except InputError:
        if picture_start(info) is not None:
            raise
        raise _UnevenError from None


def _check_done(info: MediaInfo, words: bytes, status: int, num_samples: int, sample_rate: int) -> None:
    """Raise InputError if there is no sound, or a sound file ends before or after its header says, or is not read on.

    Of films, the picture's reader tells the latter.
    """
    check_crash(status, "ffmpeg", info.path)
    if info.format == "flac" and len(SET_UP.findall(words)) > 1:  # blocks come twice: their numbers are taken for times
        fact = "goes on with another kind of sound behind the end that its header declares"
        raise InputError(fact, info.path, "give the recordings one by one")
    words = b"\n".join(line for line in words.splitlines() if SPOKEN.search(line))
    if status or not num_samples:
        reason = complaint(words, info.path) if b"[error]" in words else "it is empty"
        raise InputError(f"the sound cannot be decoded ({reason})", info.path, "copy it again or convert it")
    if info.video is not None and not info.is_image:
        return
    decoded_s = num_samples / sample_rate
    told_s = info.audio.duration_s if info.audio is not None and info.format in EXACT_LENGTH else None
    if STOPPED.search(words):
        fact = f"cannot be read on after {decoded_s:.2f} s, as where recordings of two codings are joined end to end"
        raise InputError(fact, info.path, "give the recordings one by one")
    is_short = told_s is not None and decoded_s < float(told_s) - 0.1
    if is_short or (CUT_SHORT.search(words) and not (info.format == "wav" and is_streamed(info.path))):
        raise InputError(f"is truncated: {decoded_s:.2f} s of its sound are there", info.path, "copy it again")


def _samples(process: ToolProcess, block: int) -> Iterator[np.ndarray]:
    import numpy as np

    while data := _read_up_to(process, 4 * block):
        yield np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4").astype(np.float32)


def _read_up_to(process: ToolProcess, size: int) -> bytes:
    """Return the next `size` bytes of a program's output, fewer only at its end."""
    parts: list[bytes] = []
    while size and (part := process.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read(messages: IO[bytes]) -> bytes:
    """Return what was said so far, without moving the place at which the program writes on."""
    return os.pread(messages.fileno(), 1 << 20, 0)


def _end(processes: Sequence[ToolProcess]) -> None:
    for process in processes:
        process.end()


def _key(path: str | Path) -> tuple[str, int, int]:
    status = os.stat(path)
    return os.path.abspath(path), status.st_mtime_ns, status.st_size
