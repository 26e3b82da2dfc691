"""A still and a voice to a talking head: everything that `lipsync animate` does.

Examples
--------
run(make(AnimateConfig, still="ann.jpg", speech="hello.wav", weights="runs/tgan"))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.build import check_values, flatten
from lipsync_cli.config.quantities import parse_colour
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.reading import Reading, read_as
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.infer import OF_THE_RUN
from lipsync_cli.pipelines.configs.whole_faces.animate import AnimateConfig
from lipsync_cli.pipelines.inference.marking import make_marking
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.pipelines.machine.start_torch import allow_generators, start_torch
from lipsync_cli.runtime.atomic_files import check_no_input

if TYPE_CHECKING:
    from lipsync_cli.synthesis.animation.talking_head import HeadResult, Portrayal

KIND = "talking head"


@keeps_inputs
def run(config: AnimateConfig, *, progress: Progress | None = None, notify: Notify = ignore) -> HeadResult:
    """Make the film.

    Parameters
    ----------
    progress : told how many frames are done
    notify : told in words what a user should know

    Raises
    ------
    LipsyncError : as `synthesis.animation.talking_head.animate`; UsageError for options that make no sense
    """
    check_values(config)
    weights = _find(config)
    with read_as(_readings(config)):
        work = _plan(config)
        work.check()
        from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
        from lipsync_cli.formats.weights import load_weights
        from lipsync_cli.synthesis.animation.talking_head import animate

        marking = _mark(config)
        start_torch()
        allow_generators()
        device = resolve_device(config.device)
        network, header = load_weights(weights, device, KIND)
        hears_features = header.hears == "encoder"
        encode = make_encode(load_speech_encoder(device), device) if hears_features else None
        return animate(work, network, header, marking, device=device, encode=encode, progress=progress, notify=notify)


@keeps_inputs
def plan(config: AnimateConfig) -> dict[str, Any]:
    """Look at the inputs and say what `run` would make; nothing is written."""
    from lipsync_cli.formats.weights import read_header
    from lipsync_cli.media.timeline import Timeline
    from lipsync_cli.synthesis.animation.talking_head import RATE
    from lipsync_cli.synthesis.drivers.speech_driver import sound_duration
    from lipsync_cli.synthesis.sources.frame_schedule import plan_frames

    check_values(config)
    weights = _find(config)
    with read_as(_readings(config)):
        work, marking = _plan(config), _mark(config)
        work.check()
        marking.check(work.path, work.force)
        found = plan_frames(Timeline.constant(RATE, 1), sound_duration(config.speech), "hold")
    return {
        "output": work.path,
        "num_frames": found.num_frames,
        "duration_s": float(found.timeline.duration_s),
        "sound_s": float(found.sound_s),
        "weights": read_header(weights).name,
        "marks": marking.names(),
    }


def _find(config: AnimateConfig) -> Path:
    """Find the weights and check what they are; an output that is an input is refused before."""
    from lipsync_cli.formats.weights import check_kind, find_weights, read_header
    from lipsync_cli.synthesis.generation.generator_choice import check_sound

    if config.output is not None:
        check_no_input(config.output)
    if config.weights is None:
        hint = "give --weights RUN; lipsync train PACK RUN --recipe temporal-gan makes some"
        raise UsageError("the package has no weights of a talking head", hint=hint)
    path = find_weights(config.weights, KIND)
    header = read_header(path)
    check_kind(header, path, KIND)
    check_sound(header, path)
    return path


def _readings(config: AnimateConfig) -> dict[Path, Reading]:
    readings = {config.speech: Reading(audio_track=config.audio_track)}
    return readings | {config.still: Reading(background=parse_colour(config.background))}


def _plan(config: AnimateConfig) -> Portrayal:
    """Look at the still; see `synthesis.job.prepare`."""
    from lipsync_cli.faces.selection import parse_face_selection
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.timeline import Timeline
    from lipsync_cli.media.video.picture_format import plan_conversion
    from lipsync_cli.synthesis.animation.talking_head import RATE, Portrayal
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

    info = probe(config.still)
    if info.video is None:
        raise InputError("has no picture", config.still, "give a photo of a face first, then the speech")
    source = SourceClip(config.still, info, plan_conversion(info, None, False), Timeline.constant(RATE, 1))
    choice = parse_face_selection(config.who, config.detector)
    into: Any = config.into
    return Portrayal(
        source, config.speech, config.output, choice, into, config.silence, config.seed, config.crf, config.force
    )


def _mark(config: AnimateConfig) -> Any:
    options = {name: value for name, value in flatten(config).items() if name not in OF_THE_RUN}
    return make_marking(config.marking, options)
