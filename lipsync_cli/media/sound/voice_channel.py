"""Which channel speaks where the mean of all is as good as silent, because they cancel each other out."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from lipsync_cli.media.ffmpeg import source, start_tool
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.reading import AUDIO, note

QUIET = 0.05  # a mean with a louder peak is good enough to be heard, whatever it lost
CANCELLED = 0.01  # power of the mean over that of the loudest channel (-20 dB)
LENGTH_S = 600  # so much of the sound is looked at
RATE = 16_000
BLOCK = 1 << 16  # samples of each channel that are read at once


def voice_channel(info: MediaInfo) -> int | None:
    """Return the number of the loudest channel if the mean of all is 20 dB below it, else None; it is noted."""
    return _voice_channel(str(info.path), info.path.stat().st_mtime_ns, 0 if info.audio is None else info.audio.index)


@functools.lru_cache(maxsize=64)
def _voice_channel(name: str, _mtime_ns: int, index: int) -> int | None:
    import numpy as np

    audio = probe(name).audio
    if audio is None or audio.channels < 2:
        return None
    options = ["-v", "error", "-nostdin", "-threads", "1", "-t", str(LENGTH_S), *source(name), "-map", f"0:{index}"]
    form = ["-vn", "-ar", str(RATE), "-ac", str(audio.channels), "-f", "f32le", "-c:a", "pcm_f32le", "-"]
    process = start_tool(
        "ffmpeg",
        [*options, *form],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    size, rest = 4 * audio.channels, b""
    powers, mean_power = np.zeros(audio.channels), 0.0
    try:
        while data := process.read(BLOCK * size):
            data = rest + data
            whole = len(data) // size * size
            rest = data[whole:]
            samples = np.frombuffer(data[:whole], "<f4").reshape(-1, audio.channels).astype(np.float64)
            powers += (samples**2).sum(0)
            mean_power += float((samples.mean(1) ** 2).sum())
    finally:
        process.end()
    loudest = int(powers.argmax())
    if not powers[loudest] > 0 or mean_power >= CANCELLED * powers[loudest]:
        return None
    text = f"its channels cancel each other out; channel {loudest + 1} of {audio.channels} moves the lips"
    note(Path(name), text, AUDIO)
    return loudest
