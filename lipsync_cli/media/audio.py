"""Sound out of files, on the picture's clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.tools import complaint, run_tool, source

if TYPE_CHECKING:
    import numpy as np

SPEECH_RATE = 16_000
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

    info = probe(path)
    if info.audio is None:
        raise InputError("has no sound", path)
    if origin_s is None:
        origin_s = info.audio.start_s if info.video is None or info.is_image else info.video.start_s
    # The mean of the channels, as loud as each of them where they agree; holes in the sound are filled with silence.
    mono = f"aresample={sample_rate}:async=1:rematrix_maxval=1.0,aformat=sample_fmts=flt:channel_layouts=mono"
    options = ["-v", "error", "-nostdin", "-threads", "1", *source(path), "-map", "0:a:0", "-vn", "-af", mono]
    result = run_tool("ffmpeg", [*options, "-f", "f32le", "-c:a", "pcm_f32le", "-"])
    samples = np.frombuffer(result.stdout[: len(result.stdout) // 4 * 4], dtype="<f4").astype(np.float32)
    if result.returncode or not len(samples):
        reason = complaint(result.stderr, path) if result.stderr else "it is empty"
        raise InputError(f"the sound cannot be decoded ({reason})", path)
    samples = samples[: _num_shown(info, len(samples), sample_rate)]
    return shift(samples, round((info.audio.start_s - origin_s) * sample_rate))


def _num_shown(info: MediaInfo, num_samples: int, sample_rate: int) -> int:
    """Return how many samples are sound: an MP4's edit list says where the padding of the last coded block begins."""
    assert info.audio is not None
    if info.audio.duration_s is None or "mp4" not in info.format.split(","):
        return num_samples
    listed = round(info.audio.duration_s * sample_rate)
    padding = PADDING * sample_rate / info.audio.sample_rate
    return listed if listed < num_samples <= listed + padding else num_samples


def shift(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """Return sound (n,) that begins `num_samples` later (zeros come before it) or, if negative, earlier (it is cut)."""
    import numpy as np

    if num_samples <= 0:
        return samples[-num_samples:]
    return np.concatenate([np.zeros(num_samples, samples.dtype), samples])
