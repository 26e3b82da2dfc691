"""Another face on the heads of a film: everything that `lipsync swap` does.

Examples
--------
run(make(SwapConfig, video="bob.mp4", weights="runs/swap", to=["ann"], output="out.mp4"))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.config.build import check_values, flatten
from lipsync_cli.config.quantities import parse_time
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.infer import LARGEST
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.pipelines.machine.start_torch import start_torch
from lipsync_cli.pipelines.swapping.config import SwapConfig
from lipsync_cli.runtime.atomic_files import check_output

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.selection import FaceSelection
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorChoice
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.sources.source_clip import SourceClip, SourceSettings


@dataclass(frozen=True)
class SwapResult:
    """What was made.

    Attributes
    ----------
    output : the film
    num_frames : of the film
    num_swapped : frames of the source in which a face was swapped; the others pass through
    num_covered : frames in which something lies over a swapped face, and stays there
    people : whose faces were put on
    sharpness : fine detail of the drawn faces over that of the filmed ones; None: none was drawn
    marks : what in the film says that it is synthetic
    no_mark_reason : why nothing does
    weights, weights_sha256 : the network's
    """

    output: Path
    num_frames: int
    num_swapped: int
    num_covered: int
    people: list[str]
    sharpness: float | None
    marks: list[str]
    no_mark_reason: str | None
    weights: str
    weights_sha256: str


@dataclass(frozen=True)
class SwapPlan:
    """Inputs that fit together.

    Attributes
    ----------
    clip : the film
    header : of the network's weights
    choices : whose faces are replaced
    people : names of those whose faces are put on, one for each choice
    known : everyone whom the weights can draw, in the order of the decoders
    output : the film to write
    marking : its marks
    """

    clip: SourceClip
    header: WeightsHeader
    choices: tuple[FaceSelection, ...]
    people: tuple[str, ...]
    known: tuple[str, ...]
    output: Path
    marking: Marking


@keeps_inputs
def plan(config: SwapConfig) -> SwapPlan:
    """Look at the inputs; nothing is written.

    Raises
    ------
    UsageError : nobody of this name is in the weights, or options contradict each other
    InputError : weights of another kind, no film, or an output that exists
    """
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.video.picture_format import plan_conversion
    from lipsync_cli.provenance.metadata import FACE, LIPS
    from lipsync_cli.synthesis.rendering.film_output import check_film_name
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.sources.source_clip import read_clip
    from lipsync_cli.synthesis.swapping.swap_network import find_person, read_people

    check_values(config)
    files, quality, asked = config.files, config.quality, config.marking
    if files.weights is None:
        raise UsageError(
            "no weights are given", hint="give --weights RUN of your own lipsync train; none come with the package"
        )
    header, known = read_people(files.weights)
    choices, people = _chosen(config, known)
    for name in people:
        find_person(known, name, files.weights)
    info = probe(files.video)
    if info.video is None:
        raise InputError("has no picture", files.video, "give a video with a face")
    if info.is_image and files.speech is None:
        raise UsageError(f"{files.video}: is a photo", hint="give a speech, too, or a video")
    output = files.output or files.video.parent / f"{files.video.stem}.{'.'.join(people)}.mp4"
    check_film_name(output)
    check_output(output, files.force, [files.video, *([] if files.speech is None else [files.speech])])
    picture = plan_conversion(info, quality.deinterlace, quality.tonemap)
    clip = read_clip(files.video, info, picture, _source_settings(config))
    marking = Marking(
        asked.no_mark,
        asked.label_text if asked.visible_watermark and asked.no_mark is None else None,
        asked.sidecar,
        None,
        {name: value for name, value in flatten(config).items() if name != "force"},
        has_sound=files.speech is not None or info.audio is not None,
        what=FACE if files.speech is None else f"{FACE}, and {LIPS},",
        facts={"swap_weights": header.name, "swap_weights_sha256": header.sha256, "swap_to": ", ".join(people)},
    )
    marking.check(output, files.force)
    return SwapPlan(clip, header, choices, people, known, output, marking)


@keeps_inputs
def run(config: SwapConfig, *, progress: Progress | None = None, notify: Notify = ignore) -> SwapResult:
    """Make the film.

    Parameters
    ----------
    progress : told how many frames are done
    notify : told in words what a user should know

    Raises
    ------
    LipsyncError : as `plan`; NothingToDoError : no face, or not the chosen one
    """
    from lipsync_cli.runtime.stopwatch import Stopwatch
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorSettings, choose_generator
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder
    from lipsync_cli.synthesis.swapping.film import build_swapper, write_swapped
    from lipsync_cli.synthesis.swapping.swap_network import load_swap
    from lipsync_cli.synthesis.swapping.swapped_source import SwappedClip

    planned, files = plan(config), config.files
    assert files.weights is not None
    clip, keeps = planned.clip, config.face.occlusion == "keep"
    device = partial(_start, config.performance.device)
    generator = choose_generator(
        GeneratorSettings(None, device, None, keeps), files.speech or files.video, clip.timeline.rate
    )
    reference = "auto" if keeps and not clip.is_photo else "current"
    with SceneBuilder(reference, choices=planned.choices) as builder:
        scene = builder.open_scene(clip, generator, clip.timeline.num_frames, Stopwatch(), progress, notify)
        network = load_swap(files.weights, device())
        decoders = [planned.known.index(name) for name in planned.people]
        swapper = build_swapper(
            scene,
            network,
            decoders,
            colour=config.quality.colour,
            is_masked=config.quality.mask == "drawn",
            smoothing=config.face.smooth,
            batch_size=config.performance.batch_size,
            progress=progress,
        )
        if files.speech is None:
            num_frames = write_swapped(
                planned.output,
                clip,
                scene,
                swapper,
                planned.marking,
                crf=config.quality.crf,
                force=files.force,
                progress=progress,
            )
            marks = planned.marking.names()
        else:
            again = replace(planned, clip=SwappedClip.of(clip, swapper))
            num_frames, marks = _say(config, again, generator, scene.boxes[0], progress=progress, notify=notify)
    paths = [face.path for face in swapper.faces]
    swapped = sum(any(number in path for path in paths) for number in range(clip.timeline.num_frames))
    if swapper.sharpness is not None:
        share = f"{100 * swapper.sharpness:.0f} % of the fine detail of the video's own"
        notify(f"{planned.output}: the drawn faces have {share}")
    header = network.header
    return SwapResult(
        planned.output,
        num_frames,
        swapped,
        len(swapper.covered),
        list(planned.people),
        None if swapper.sharpness is None else round(swapper.sharpness, 3),
        marks,
        planned.marking.no_mark,
        header.name,
        header.sha256,
    )


def _say(
    config: SwapConfig,
    planned: SwapPlan,
    generator: GeneratorChoice,
    boxes: np.ndarray,
    *,
    progress: Progress | None,
    notify: Notify,
) -> tuple[int, list[str]]:
    """Make the film in which the swapped face says the speech.

    Parameters
    ----------
    planned : with a clip whose faces are swapped
    generator : moves the lips
    boxes : shape (N, 4), where the face is, before and after the swap

    Returns
    -------
    its number of frames, and its marks
    """
    import numpy as np

    from lipsync_cli.faces.tracking.face_track import Track
    from lipsync_cli.synthesis.film import infer
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorSettings
    from lipsync_cli.synthesis.job import JobSettings, prepare
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder

    files = config.files
    assert files.speech is not None

    def known(frames: Iterable[Frame], *_: object) -> list[Track]:
        count = sum(1 for _ in frames)  # all are read, so that rest frames can be chosen among them
        return [Track(boxes[:count], boxes[:count, 0], np.full((count, 5, 2), np.nan, np.float32))]

    settings = JobSettings(source=_source_settings(config), generator=GeneratorSettings(None, None), force=files.force)
    with (
        prepare(files.video, [files.speech], planned.output, settings) as job,
        SceneBuilder(choices=planned.choices[:1], search=known) as builder,
    ):
        made = infer(
            replace(job, source=planned.clip, generator=generator),
            builder=builder,
            crf=config.quality.crf,
            force=files.force,
            marking=planned.marking,
            progress=progress,
            notify=notify,
        )
    return made.num_frames, made.marks


def _chosen(config: SwapConfig, known: Sequence[str]) -> tuple[tuple[FaceSelection, ...], tuple[str, ...]]:
    """Return whose faces are replaced, and the names of those whose faces are put on."""
    from lipsync_cli.faces.selection import parse_face_selection

    files, face = config.files, config.face
    if not files.to:
        raise UsageError("--to is missing", hint=f"choose from {', '.join(known)}")
    if len(files.to) == 1 and (files.to[0] in known or "=" not in files.to[0]):
        return (parse_face_selection(face.who, face.detector),), files.to
    if face.who != LARGEST:
        raise UsageError("--face does not go with --to WHO=NAME", hint="name everyone as --to WHO=NAME")
    pairs = [text.rpartition("=") for text in files.to]
    for text, (who, _, name) in zip(files.to, pairs, strict=True):
        if not who.strip() or not name.strip():
            raise UsageError(f"--to {text!r} is not WHO=NAME", hint=f"such as --to 0={known[0]}")
    choices = tuple(parse_face_selection(who.strip(), face.detector, "--to") for who, _, _ in pairs)
    return choices, tuple(name.strip() for _, _, name in pairs)


def _source_settings(config: SwapConfig) -> SourceSettings:
    from lipsync_cli.synthesis.sources.source_clip import SourceSettings

    files, quality = config.files, config.quality
    return SourceSettings(
        parse_time(files.start or "0"),
        None if files.end is None else parse_time(files.end),
        deinterlace=quality.deinterlace,
        tonemap=quality.tonemap,
    )


def _start(device: str) -> str:
    start_torch()
    return resolve_device(device)
