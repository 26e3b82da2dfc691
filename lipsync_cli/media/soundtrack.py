"""The sound of a film that is written: where it starts, how long it is, how it is coded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.audio import align, picture_start
from lipsync_cli.media.probe import probe
from lipsync_cli.media.tools import source

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BITS_PER_CHANNEL = 96_000


class Soundtrack:
    """The first sound track of a file, cut or filled to an exact length.

    Parameters
    ----------
    path : a sound file, or a video with sound
    duration_s : exact length, counted from the first frame; None keeps the sound's own
    origin_s : moment of the file's own clock that is heard at the first frame; None takes the file's first video frame,
        or the first sample of a file without picture

    Raises
    ------
    InputError : the file is missing, unreadable, or has no sound
    """

    def __init__(self, path: str | Path, duration_s: Fraction | None = None, origin_s: Fraction | None = None) -> None:
        info = probe(path)
        if info.audio is None:
            raise InputError("has no sound", path, "give a file with sound")
        self.origin_s = picture_start(info) if origin_s is None else origin_s
        self.path, self.channels = Path(path), info.audio.channels
        self.sample_rate = next((rate for rate in AAC_RATES if rate >= info.audio.sample_rate), AAC_RATES[-1])
        self.num_samples = None if duration_s is None else round(duration_s * self.sample_rate)

    def input(self) -> list[str]:
        """Return the options that open the file."""
        return [*align(self.origin_s, self.sample_rate)[0], *source(self.path)]

    def filters(self) -> str:
        """Return the filters that put the sound on the film's clock, cut or filled to its length."""
        chain = [align(self.origin_s, self.sample_rate)[1], "asetpts=N/SR/TB"]
        if self.num_samples is not None:
            chain += [f"apad=whole_len={self.num_samples}", f"atrim=end_sample={self.num_samples}"]
        return ",".join(chain)

    def output(self, stream: str, filtered: bool = False) -> list[str]:
        """Return the options that code the sound; `stream` names it, such as "1:a:0"; `filtered`: it went through."""
        bits = BITS_PER_CHANNEL * min(2, self.channels)
        chain = [] if filtered else ["-af", self.filters()]
        return ["-map", stream, *chain, "-c:a", "aac", "-b:a", str(bits)]
