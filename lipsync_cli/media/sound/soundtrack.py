"""The sound of a film that is written: where it starts, how long it is, how it is coded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import source
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.decoder import align, is_uneven, picture_start
from lipsync_cli.media.sound.mix import Mix

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BITS_PER_CHANNEL = 96_000


class Soundtrack:
    """The sound track of a file that counts, or a mix of several, cut or filled to an exact length.

    Parameters
    ----------
    sound : a sound file, a video with sound, or a mix
    duration_s : exact length, counted from the first frame; None keeps the sound's own
    origin_s : moment of the file's own clock that is heard at the first frame; None takes the file's first video frame,
        or the first sample of a file without picture, as a mix does for each of its files
    least_rate : the film's sound has at least so many samples a second, up to 48,000

    Attributes
    ----------
    is_uneven : whether the file changes its sound midway, so that it has to pass through a `SoundPipe`
    num_samples : of the film's sound; None: as many as there are

    Raises
    ------
    InputError : the file is missing, unreadable, or has no sound
    """

    def __init__(
        self,
        sound: str | Path | Mix,
        duration_s: Fraction | None = None,
        origin_s: Fraction | None = None,
        least_rate: int = 0,
    ) -> None:
        self._mix = sound if isinstance(sound, Mix) else None
        self.path = sound.paths[0] if isinstance(sound, Mix) else Path(sound)
        info = probe(self.path)
        if info.audio is None:
            raise InputError("has no sound", self.path, "give a file with sound")
        self.origin_s = picture_start(info) if origin_s is None else origin_s
        own = info.audio if self._mix is None else self._mix
        self._index = info.audio.index
        self.is_uneven = self._mix is None and is_uneven(self.path)
        self.channels = own.channels
        self.sample_rate = next((rate for rate in AAC_RATES if rate >= max(own.sample_rate, least_rate)), AAC_RATES[-1])
        self.num_samples = None if duration_s is None else round(duration_s * self.sample_rate)

    def input(self) -> list[str]:
        """Return the options that open the file, or the files."""
        if self._mix is not None:
            return self._mix.input(self.sample_rate)
        return [*align(self.origin_s, self.sample_rate)[0], *source(self.path)]

    def filtered(self, first: int) -> list[str]:
        """Return the options that put the sound on the film's clock, cut or filled to its length.

        `first` is the number, among FFmpeg's inputs, of the first one that `input` opens.
        """
        chain = ["asetpts=N/SR/TB"]
        if self.num_samples is not None:
            chain += [f"apad=whole_len={self.num_samples}", f"atrim=end_sample={self.num_samples}"]
        if self._mix is not None:
            graph = ",".join([self._mix.graph(first, self.sample_rate), *chain])
            return ["-filter_complex", f"{graph}[sound]", "-map", "[sound]"]
        return ["-map", f"{first}:{self._index}", "-af", ",".join([align(self.origin_s, self.sample_rate)[1], *chain])]

    def output(self, first: int, filtered: bool = False) -> list[str]:
        """Return the options that code the sound; `filtered`: it comes from one input as it is to be."""
        bits = BITS_PER_CHANNEL * min(2, self.channels)
        chosen = ["-map", f"{first}:a:0"] if filtered else self.filtered(first)
        return [*chosen, "-c:a", "aac", "-b:a", str(bits)]
