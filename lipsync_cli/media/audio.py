"""Sound out of files, on the picture's clock."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.tools import complaint, source, start_tool

if TYPE_CHECKING:
    import numpy as np

SPEECH_RATE = 16_000
BLOCK = 1 << 18  # samples read at once
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
    import numpy as np

    info = probe(path)
    if info.audio is None:
        raise InputError("has no sound", path)
    if origin_s is None:
        origin_s = info.audio.start_s if info.video is None or info.is_image else info.video.start_s
    lead = round((info.audio.start_s - origin_s) * sample_rate)  # zeros before the sound; negative: samples cut
    for first in range(0, lead, block):
        yield np.zeros(min(block, lead - first), np.float32)
    skip = max(0, -lead)
    for samples in _without_padding(_decode(path, sample_rate, block), info, sample_rate):
        if skip < len(samples):
            yield samples[skip:]
        skip = max(0, skip - len(samples))


def _decode(path: str | Path, sample_rate: int, block: int) -> Iterator[np.ndarray]:
    """Give all samples of the first sound track, mono, in pieces (block,)."""
    import numpy as np

    # The mean of the channels, as loud as each of them where they agree; holes in the sound are filled with silence.
    mono = f"aresample={sample_rate}:async=1:rematrix_maxval=1.0,aformat=sample_fmts=flt:channel_layouts=mono"
    options = ["-v", "error", "-nostdin", "-threads", "1", *source(path), "-map", "0:a:0", "-vn", "-af", mono]
    output = ["-f", "f32le", "-c:a", "pcm_f32le", "-"]
    num_samples = 0
    with tempfile.TemporaryFile() as messages:
        process = start_tool(
            "ffmpeg", [*options, *output], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        )
        assert process.stdout is not None
        try:
            while data := _read_up_to(process.stdout, 4 * block):
                samples = np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4").astype(np.float32)
                num_samples += len(samples)
                yield samples
            process.wait()
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        messages.seek(0)
        words = messages.read(1 << 20)
    if process.returncode or not num_samples:
        reason = complaint(words, path) if words else "it is empty"
        raise InputError(f"the sound cannot be decoded ({reason})", path)


def _read_up_to(pipe: IO[bytes], size: int) -> bytes:
    """Return the next `size` bytes of an unbuffered pipe, fewer only at its end."""
    parts: list[bytes] = []
    while size and (part := pipe.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _without_padding(pieces: Iterator[np.ndarray], info: MediaInfo, sample_rate: int) -> Iterator[np.ndarray]:
    """Drop what is no sound at the end: an MP4's edit list says where the padding of the last coded block begins."""
    assert info.audio is not None
    if info.audio.duration_s is None or "mp4" not in info.format.split(","):
        yield from pieces
        return
    left = round(info.audio.duration_s * sample_rate)  # samples until the listed end
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
