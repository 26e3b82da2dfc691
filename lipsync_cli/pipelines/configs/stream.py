"""The options of sound that comes through a pipe, and of a film that goes through one."""

from __future__ import annotations

from dataclasses import dataclass

from lipsync_cli.config.option import option

CODINGS = ("u8", "s16le", "s24le", "s32le", "f32le")  # of `media.sound.raw_sound`
CONTAINERS = ("mp4", "matroska", "mpegts")  # of `media.video.pipe_output`


@dataclass(frozen=True)
class RawSoundOptions:
    """What raw sound from a pipe is."""

    rate: int | None = option(
        "Samples a second of raw sound (PCM) from stdin; of a WAV, or another file, its header says it.",
        None,
        least=4000,
        most=384_000,
        shown="there is a header",
        example="16000",
    )
    pcm_format: str = option("Coding of raw sound from stdin.", "s16le", choices=CODINGS)
    channels: int = option("Channels of raw sound from stdin.", 1, least=1, most=8)


@dataclass(frozen=True)
class StreamOptions(RawSoundOptions):
    """How a pipe is read and written."""

    container: str = option(
        "Container of a video that goes to stdout.", "mp4", names=("--format",), key="format", choices=CONTAINERS
    )
