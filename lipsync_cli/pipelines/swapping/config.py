"""The options of `lipsync swap`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, group, option
from lipsync_cli.config.quantities import parse_time
from lipsync_cli.config.shared_options import device_option, force_option
from lipsync_cli.pipelines.configs.infer import LARGEST


@dataclass(frozen=True)
class SwapFiles:
    """What goes in and what comes out."""

    video: Path = argument("Video of a person.")
    speech: Path | None = argument("Sound that the swapped face says: lip-synced in the same run.", None)
    weights: Path | None = option("Run folder of train --recipe face-swap, or its .safetensors file.", None)
    to: tuple[str, ...] = option(
        "Whose face is put on: a name in the weights; of several people in the video WHO=NAME, once for each, with "
        "WHO as for --face.",
        (),
        metavar="NAME",
        example="ann",
    )
    output: Path | None = option(
        "Video to write.", None, names=("-o", "--output"), shown="VIDEO.NAME.mp4 beside the video", writes=True
    )
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
class SwapFaceOptions:
    """Which face, and how it is found."""

    who: str = option(
        "Whose face is replaced, of several people: largest, left, right, a number from the left and from 0, or "
        "a photo of the person.",
        LARGEST,
        names=("--face",),
        key="face",
        is_number=True,
        names_file=True,
    )
    detector: str = option(
        "How faces are found: hog, mmod (a slow network), mtcnn, or auto: hog, and mmod where hog finds nothing.",
        "auto",
        choices=("auto", "hog", "mmod", "mtcnn"),
    )
    smooth: str = option(
        "How a face's place, size and angle are steadied over time; kalman runs forth and back. Neither lags.",
        "gaussian",
        choices=("gaussian", "kalman"),
    )
    occlusion: str = option(
        "What lies over the lower face, such as a hand: keep it in front, or ignore it.",
        "keep",
        choices=("keep", "ignore"),
    )


@dataclass(frozen=True)
class SwapQuality:
    """How the face is put in, and how good the picture is."""

    colour: str = option(
        "How the face's colours are brought to the video's: lab, by mean and deviation in CIELAB, histogram, or none.",
        "lab",
        choices=("lab", "histogram", "none"),
    )
    mask: str = option(
        "What is replaced inside the face's outline: as much as the network's own mask says (drawn), or all (outline).",
        "drawn",
        choices=("drawn", "outline"),
    )
    crf: int = option("Quality of the video; lower is better.", 18, least=0, most=51)
    deinterlace: bool | None = option(
        "Make whole frames of interlaced ones, or take them as they are.",
        None,
        both=True,
        shown="refuse interlaced video",
    )
    tonemap: bool = option("Convert high dynamic range (PQ, HLG) to the standard one.", False)


@dataclass(frozen=True)
class SwapMarking:
    """What says that the video is synthetic."""

    visible_watermark: bool = option("Burn a small visible label into a corner away from the face.", True, both=True)
    label_text: str = option("What the visible watermark says.", "synthetic")
    sidecar: bool = option("Write OUTPUT.json too: hashes of the inputs, weights and video, the options.", False)
    no_mark: str | None = option(
        "Do not mark the video as synthetic; the reason is kept in OUTPUT.json.", None, metavar="REASON"
    )


@dataclass(frozen=True)
class SwapPerformance:
    """Where and how the work is done."""

    device: str = device_option()
    batch_size: int = option("Faces drawn at once.", 8, least=1)


@dataclass(frozen=True)
class SwapConfig:
    """Everything that decides a video with another face.

    Examples
    --------
    make(SwapConfig, video="bob.mp4", weights="runs/swap", to=["ann"])
    """

    files: SwapFiles = group(panel="input and output")
    face: SwapFaceOptions = group(SwapFaceOptions, "face")
    quality: SwapQuality = group(SwapQuality, "quality")
    marking: SwapMarking = group(SwapMarking, "marking")
    performance: SwapPerformance = group(SwapPerformance, "performance")
