"""The options of `lipsync live`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, group, option
from lipsync_cli.config.quantities import parse_time
from lipsync_cli.config.shared_options import device_option, force_option
from lipsync_cli.pipelines.configs.infer import LabelOptions, LipOptions, OneFaceOptions, PictureOptions
from lipsync_cli.pipelines.configs.stream import RawSoundOptions

CONTAINERS = ("matroska", "mpegts", "mp4", "mov", "flv")


@dataclass(frozen=True)
class LiveFileOptions:
    """What goes in and what comes out."""

    face: Path = argument("Video or photo of the presenter.")
    speech: Path = argument("Sound file, played in real time; - is stdin: a WAV, or raw sound with --rate.", Path("-"))
    to: str = option(
        "Where the video goes: - is stdout, a file, or an address such as udp://127.0.0.1:5000 or rtmp://HOST/APP/KEY.",
        "-",
    )
    container: str | None = option(
        "Container of the video.",
        None,
        names=("--format",),
        key="format",
        choices=CONTAINERS,
        shown="what goes with --to; matroska on stdout",
    )
    faces: Path | None = option(
        "File of detect-faces that says where the face is; made if it is not there.", None, shown="a cache by content"
    )
    weights: Path | None = option("Run folder of train, or .safetensors file.", None, shown="embedded weights")
    start: str | None = option(
        "Where to begin in the video: seconds or hh:mm:ss.mmm.",
        None,
        check=parse_time,
        is_number=True,
        metavar="TIME",
        example="0.5",
    )
    end: str | None = option(
        "Where the video ends, in its own time.", None, check=parse_time, is_number=True, metavar="TIME", example="2.5"
    )
    force: bool = force_option()


@dataclass(frozen=True)
class LivePerformanceOptions:
    """Where and how the work is done."""

    device: str = device_option()
    ahead_ms: int = option(
        "Sound after each frame that is waited for, in milliseconds: less is sooner, more is more exact.",
        200,
        least=0,
        most=1000,
    )
    batch_size: int = option("Frames generated at once; each waits for the sound of all.", 2, least=1, most=16)
    no_cache: bool = option("Neither use nor keep what is known of a video's face.", False)


@dataclass(frozen=True)
class LiveConfig:
    """Everything that decides a live video.

    Examples
    --------
    make(LiveConfig, face="ann.mp4", speech="hello.wav", to="out.mkv")
    """

    files: LiveFileOptions = group(panel="input and output")
    face: OneFaceOptions = group(OneFaceOptions, "face")
    voice: LipOptions = group(LipOptions, "voice")
    sound: RawSoundOptions = group(RawSoundOptions, "pipes")
    quality: PictureOptions = group(PictureOptions, "quality")
    marking: LabelOptions = group(LabelOptions, "marking")
    performance: LivePerformanceOptions = group(LivePerformanceOptions, "performance")
