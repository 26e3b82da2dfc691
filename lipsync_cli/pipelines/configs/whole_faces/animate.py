"""The options of `lipsync animate`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, group, option
from lipsync_cli.config.quantities import parse_colour
from lipsync_cli.config.shared_options import audio_track_option, device_option, force_option, seed_option
from lipsync_cli.pipelines.configs.infer import LARGEST, MarkingOptions


@dataclass(frozen=True)
class AnimateConfig:
    """Everything that decides the film of a talking head.

    Examples
    --------
    make(AnimateConfig, still="ann.jpg", speech="hello.wav", weights="runs/tgan")
    """

    still: Path = argument("Photo of a face; of a video its first frame.")
    speech: Path = argument("Sound file, or video with sound.")
    output: Path | None = option(
        "Video to write.",
        None,
        panel="input and output",
        names=("-o", "--output"),
        shown="STILL.SPEECH.mp4 beside the still",
        writes=True,
    )
    weights: Path | None = option(
        "Run folder of train --recipe temporal-gan, or .safetensors file; there are none in the package.",
        None,
        panel="input and output",
        shown="must be given",
    )
    audio_track: int | None = audio_track_option("speech")
    force: bool = force_option()
    into: str = option(
        "What is written: the face, 96 x 128 pixels as trained, or the whole frame of the still with the face in it.",
        "face",
        panel="face",
        choices=("face", "frame"),
    )
    who: str = option(
        "Whose face, of several: largest, left, right, a number counted from the left and from 0, or a photo.",
        LARGEST,
        panel="face",
        names=("--face",),
        key="face",
        is_number=True,
        names_file=True,
    )
    detector: str = option(
        "How the face is found: hog, mmod (a slow network), mtcnn, or auto: hog, and mmod where hog finds nothing.",
        "auto",
        panel="face",
        choices=("auto", "hog", "mmod", "mtcnn"),
    )
    silence: str = option(
        "What the mouth does in the speech's pauses: close, or what the model makes of breath and noise.",
        "close",
        panel="voice",
        choices=("close", "model"),
    )
    crf: int = option("Quality of the video; lower is better.", 18, panel="quality", least=0, most=51)
    background: str = option(
        "Colour behind a photo's transparent parts: white, black, grey, red, green, blue, or #rrggbb.",
        "white",
        panel="quality",
        check=parse_colour,
        metavar="COLOUR",
    )
    marking: MarkingOptions = group(MarkingOptions, "marking")
    device: str = device_option()
    seed: int = seed_option(10)
