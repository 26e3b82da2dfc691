"""Sound out of files, on the picture's clock."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.ffmpeg import complaint, start_tool
from lipsync_cli.media.headers.limits import check_samples
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.sound.decoder import decode, picture_start
from lipsync_cli.media.sound.voice_channel import QUIET, voice_channel
from lipsync_cli.media.tool_process import check_crash

if TYPE_CHECKING:
    import numpy as np

SPEECH_RATE = 16_000
BLOCK = 1 << 18  # samples read at once
PADDING = 2048  # samples; a coded block is at most so long (AAC with SBR)


def read_speech(path: str | Path, sample_rate: int = SPEECH_RATE, origin_s: Fraction | None = None) -> np.ndarray:
    """Read the sound of a file as one channel, its loudness untouched.

    It is the mean of the channels, or the loudest one where they cancel each other out.

    Parameters
    ----------
    path : a sound file, or a video with sound
    sample_rate : of the result, in Hz
    origin_s : moment on the file's own clock that becomes sample 0; None takes the moment the first video frame is
        shown, or the first sample of a file without picture

    Returns
    -------
    shape (num_samples,) float32; what the file does not hold between the origin and its first sound is zero

    Raises
    ------
    InputError : the file is missing, damaged, or has no sound, or a sample is no number or far beyond full scale
    """
    import numpy as np

    blocks = list(read_speech_blocks(path, sample_rate, origin_s))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def read_speech_blocks(
    path: str | Path, sample_rate: int = SPEECH_RATE, origin_s: Fraction | None = None, block: int = BLOCK
) -> Iterator[np.ndarray]:
    """Read what `read_speech` reads, in pieces (n,) of about `block` samples, so that its length costs no memory.

    Closing the generator ends the decoder.
    """
    info = probe(path)
    if info.audio is None:
        raise InputError("has no sound", path, "give a file with sound")
    if origin_s is None:
        origin_s = picture_start(info)
    done = 0
    for samples in _without_padding(_decode(info, sample_rate, block, origin_s), info, sample_rate, origin_s):
        check_samples(info.path, samples, done, sample_rate)
        done += len(samples)
        yield samples


def _decode(info: MediaInfo, sample_rate: int, block: int, origin_s: Fraction | None) -> Iterator[np.ndarray]:
    """Give the mean of the channels, or the loudest of those that cancel each other out."""
    import numpy as np

    assert info.audio is not None
    channel = None
    with closing(decode(info.path, sample_rate, block, origin_s)) as pieces:  # type: ignore[type-var]
        if info.audio.channels > 1:
            first = next(pieces, np.zeros(0, np.float32))
            if np.abs(first).max(initial=0.0) < QUIET:
                channel = voice_channel(info)
            if channel is None:
                yield first
        if channel is None:
            yield from pieces
            return
    yield from decode(info.path, sample_rate, block, origin_s, channel)


def filter_samples(samples: np.ndarray, filters: str, sample_rate: int = SPEECH_RATE) -> np.ndarray:
    """Run FFmpeg's sound filters over samples (n,) float32 in memory; cut or filled with zeros to the same length.

    Raises
    ------
    ToolError : FFmpeg is missing, or refuses the filters
    """
    import numpy as np

    form = ["-f", "f32le", "-ar", str(sample_rate), "-ac", "1"]
    process = start_tool(
        "ffmpeg",
        ["-v", "error", *form, "-i", "pipe:0", "-af", filters, *form, "pipe:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        data, words = process.communicate(np.ascontiguousarray(samples, "<f4").tobytes())
    finally:
        process.end()
    check_crash(process.returncode, "ffmpeg")
    if process.returncode:
        raise ToolError(f"ffmpeg cannot filter sound by {filters} ({complaint(words)})")
    filtered = np.frombuffer(data, "<f4")[: len(samples)].astype(np.float32)
    return np.pad(filtered, (0, len(samples) - len(filtered)))


def _without_padding(
    pieces: Iterator[np.ndarray], info: MediaInfo, sample_rate: int, origin_s: Fraction | None
) -> Iterator[np.ndarray]:
    """Drop what is no sound at the end: an MP4's edit list says where the padding of the last coded block begins."""
    assert info.audio is not None
    if info.audio.duration_s is None or "mp4" not in info.format.split(","):
        yield from pieces
        return
    lead_s = 0 if origin_s is None else info.audio.start_s - origin_s
    left = round((lead_s + info.audio.duration_s) * sample_rate)  # samples until the listed end
    padding = PADDING * sample_rate / info.audio.sample_rate
    beyond: list[np.ndarray] = []
    for piece in pieces:
        if left > 0:
            yield piece[:left]
        if len(piece) > max(0, left):
            beyond.append(piece[max(0, left) :])
        left -= len(piece)
        if -left > padding:  # more than padding: the list is wrong
            yield from beyond
            beyond.clear()
