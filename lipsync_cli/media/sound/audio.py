"""Sound out of files, on the picture's clock."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.ffmpeg import complaint, source, start_tool
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.tool_process import ToolProcess, check_crash

if TYPE_CHECKING:
    import numpy as np

SPEECH_RATE = 16_000
BLOCK = 1 << 18  # samples read at once
EXACT_LENGTH = {"aiff", "flac"}  # formats whose headers count the samples
CUT_SHORT = re.compile(rb"Packet corrupt|File ended prematurely|filesize and duration do not match")
STREAMED_BYTES = 0x7FFF_0000
PADDING = 2048  # samples; a coded block is at most so long (AAC with SBR)


def read_speech(path: str | Path, sample_rate: int = SPEECH_RATE, origin_s: Fraction | None = None) -> np.ndarray:
    """Read the sound of a file as one channel, its loudness untouched.

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
    InputError : the file is missing, damaged, or has no sound
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
    yield from _without_padding(_decode(path, sample_rate, block, origin_s), info, sample_rate, origin_s)


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


def _decode(path: str | Path, sample_rate: int, block: int, origin_s: Fraction | None) -> Iterator[np.ndarray]:
    """Give all samples of the first sound track, mono, in pieces (block,)."""
    import numpy as np

    offset, filling = align(origin_s, sample_rate)
    # The mean of the channels, as loud as each of them where they agree.
    mono = f"{filling}:rematrix_maxval=1.0,aformat=sample_fmts=flt:channel_layouts=mono"
    start = ["-v", "level+warning", "-nostdin", "-threads", "1", *offset, *source(path)]
    options = [*start, "-map", "0:a:0", "-vn", "-af", mono]
    output = ["-f", "f32le", "-c:a", "pcm_f32le", "-"]
    num_samples = 0
    with tempfile.TemporaryFile() as messages:
        process = start_tool(
            "ffmpeg", [*options, *output], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        )
        try:
            while data := _read_up_to(process, 4 * block):
                samples = np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4").astype(np.float32)
                num_samples += len(samples)
                yield samples
            process.wait()
        finally:
            process.end()
        messages.seek(0)
        words = messages.read(1 << 20)
    check_crash(process.returncode, "ffmpeg", path)
    if process.returncode or not num_samples:
        reason = complaint(words, path) if b"[error]" in words else "it is empty"
        raise InputError(f"the sound cannot be decoded ({reason})", path, "copy it again or convert it")
    _check_whole(probe(path), words, num_samples / sample_rate)


def _check_whole(info: MediaInfo, words: bytes, decoded_s: float) -> None:
    """Raise InputError if a sound file ends before its header says; of films, the picture's reader tells that."""
    if info.video is not None and not info.is_image:
        return
    told_s = info.audio.duration_s if info.audio is not None and info.format in EXACT_LENGTH else None
    is_short = told_s is not None and decoded_s < float(told_s) - 0.1
    if is_short or (CUT_SHORT.search(words) and not _is_streamed(info)):
        raise InputError(f"is truncated: {decoded_s:.2f} s of its sound are there", info.path, "copy it again")


def _is_streamed(info: MediaInfo) -> bool:
    """Tell whether a wav was written to a pipe, so that its header does not give its length."""
    if info.format != "wav":
        return False
    with open(info.path, "rb") as file:
        head = file.read(1 << 16)
    place = head.find(b"data")
    size = int.from_bytes(head[place + 4 : place + 8], "little")
    return place >= 0 and not 0 < size < STREAMED_BYTES


def _read_up_to(process: ToolProcess, size: int) -> bytes:
    """Return the next `size` bytes of a program's output, fewer only at its end."""
    parts: list[bytes] = []
    while size and (part := process.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


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
