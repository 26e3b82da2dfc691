"""Several voices heard together: their sum, as loud as they are, made quieter only where it would clip."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import complaint, source, start_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.decoder import align, is_uneven, picture_start
from lipsync_cli.media.tool_process import check_crash

LOUDEST = 0.891  # of full scale (-1 dB): room for what the coding of the sound adds
BLOCK = 1 << 18  # bytes read at once


@dataclass(frozen=True)
class Mix:
    """The sum of the sound tracks of several files.

    Attributes
    ----------
    paths : the files; of one with a film, the sound begins with its first frame
    sample_rate : the highest of them, in Hz
    channels : 1 if all have one, else 2
    gain : what the sum is multiplied by
    """

    paths: tuple[Path, ...]
    sample_rate: int
    channels: int
    gain: float = 1.0

    def input(self, sample_rate: int) -> list[str]:
        """Return FFmpeg's options that open the files."""
        options: list[str] = []
        for path in self.paths:
            options += [*align(picture_start(probe(path)), sample_rate)[0], *source(path)]
        return options

    def graph(self, first: int, sample_rate: int) -> str:
        """Return FFmpeg's filters that sum the files up; `first` is the number of the first one among the inputs."""
        chains = []
        for number, path in enumerate(self.paths):
            info = probe(path)
            layout = "aformat=channel_layouts=mono" if self.channels == 1 else "aformat=channel_layouts=stereo"
            if self.channels == 2 and info.audio is not None and info.audio.channels == 1:
                layout = "pan=stereo|c0=c0|c1=c0"  # FFmpeg's own way makes it 3 dB quieter
            filling = align(picture_start(info), sample_rate)[1]
            index = 0 if info.audio is None else info.audio.index
            chains.append(f"[{first + number}:{index}]{filling},aformat=sample_fmts=fltp,{layout}[voice{number}]")
        voices = "".join(f"[voice{number}]" for number in range(len(self.paths)))
        summed = f"{voices}amix=inputs={len(self.paths)}:duration=longest:normalize=0"
        return ";".join([*chains, f"{summed},volume={self.gain:.6f}:precision=float"])


def mix(paths: Sequence[Path]) -> Mix:
    """Look for the loudest moment of the sum of some voices, and return the mix that does not clip there.

    Raises
    ------
    InputError : a file is missing or unreadable, has no sound, or changes its rate or channels midway
    """
    tracks = []
    for path in paths:
        audio = probe(path).audio
        if audio is None:
            raise InputError("has no sound", path, "give a file with sound")
        if is_uneven(path):
            fact = "changes its rate or channels midway, and cannot be mixed with other voices"
            raise InputError(fact, path, "convert it to WAV first")
        tracks.append(audio)
    several = any(track.channels > 1 for track in tracks)
    plain = Mix(tuple(paths), max(track.sample_rate for track in tracks), 2 if several else 1)
    peak = _peak(plain)
    return plain if peak <= LOUDEST else replace(plain, gain=LOUDEST / peak)


def _peak(heard: Mix) -> float:
    """Return the largest magnitude of the samples, 1.0 at full scale; nothing is kept of them."""
    import numpy as np

    options = ["-v", "error", "-nostdin", "-threads", "1", *heard.input(heard.sample_rate)]
    options += ["-filter_complex", f"{heard.graph(0, heard.sample_rate)}[sound]", "-map", "[sound]"]
    peak, rest = 0.0, b""
    with tempfile.TemporaryFile() as messages:
        process = start_tool(
            "ffmpeg",
            [*options, "-f", "f32le", "-c:a", "pcm_f32le", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
        )
        try:
            while data := process.read(BLOCK):
                data = rest + data
                whole = len(data) // 4 * 4
                rest = data[whole:]
                if whole:
                    peak = max(peak, float(np.abs(np.frombuffer(data[:whole], "<f4")).max()))
            process.wait()
        finally:
            process.end()
        messages.seek(0)
        words = messages.read(1 << 16)
    check_crash(process.returncode, "ffmpeg", heard.paths[0])
    if process.returncode:
        raise InputError(f"the voices cannot be mixed ({complaint(words)})", heard.paths[0])
    return peak
