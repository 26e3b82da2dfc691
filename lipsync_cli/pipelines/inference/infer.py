"""A face and a voice to a film: everything that `lipsync infer` does for one speech.

Examples
--------
config = make(InferConfig, face="ann.mp4", speech=["hello.wav"], output="out.mp4")
result = run(config)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from lipsync_cli.config.build import check_values
from lipsync_cli.config.quantities import parse_colour, parse_rate, parse_span, parse_time, parse_vtln
from lipsync_cli.errors import UsageError
from lipsync_cli.media.reading import Reading, read_as
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.adapt import adapted, chosen_adapting
from lipsync_cli.pipelines.inference.marking import chosen_marks
from lipsync_cli.pipelines.inference.speakers import People, chosen_people, chosen_voices
from lipsync_cli.pipelines.inference.standard_streams import find_stream, with_stdin
from lipsync_cli.pipelines.inference.words.dubbing import dubbed
from lipsync_cli.pipelines.inference.words.text_voices import chosen_voice
from lipsync_cli.pipelines.machine.malloc_arenas import limit_arenas
from lipsync_cli.pipelines.machine.resources import find_cache, resolve_device
from lipsync_cli.pipelines.machine.start_torch import start_torch
from lipsync_cli.runtime.atomic_files import check_no_input

if TYPE_CHECKING:
    from lipsync_cli.media.video.pipe_output import PipeOutput
    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.job import Job, JobSettings, Prepare
    from lipsync_cli.synthesis.rendering.film_writer import Shared
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.training.adaptation import Adapted

AHEAD_S = 60  # of the video are looked through for several speeches, although the first may need less


@dataclass(frozen=True)
class FilmPlan:
    """What a film would be.

    Attributes
    ----------
    output : the film
    num_frames, duration_s, sound_s : of the film, the times in seconds
    num_source_frames : how many frames of the source it shows
    weights : name of the generator's
    marks : what in the film would say that it is synthetic
    """

    output: Path
    num_frames: int
    duration_s: float
    sound_s: float
    num_source_frames: int
    weights: str
    marks: list[str]


class Make(Protocol):
    """Makes a film."""

    def __call__(self, job: Job, shared: Shared | None = None) -> Result:
        """Make the film of a job, with frames that others share; see `synthesis.film.infer`."""


@dataclass(frozen=True)
class Session:
    """Everything that films of one configuration share.

    Attributes
    ----------
    cast : whose mouths are moved, and the voices that options name
    marking : the marks of the films
    prepare : `synthesis.job.prepare` with the configuration filled in
    make : makes the film of a job, with frames that others share
    """

    cast: People
    marking: Marking
    prepare: Prepare
    make: Make


@keeps_inputs
def run(
    config: InferConfig,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    notify: Notify = ignore,
    stdin: BinaryIO | None = None,
    stdout: int | None = None,
) -> Result:
    """Make the film of one speech, or of several speakers' voices.

    Parameters
    ----------
    cache : folder for what can be computed again; None: nothing is kept
    progress : told how many frames are done
    notify : told in words what a user should know
    stdin, stdout : what "-" stands for as an input, and the descriptor that it stands for as the output

    Raises
    ------
    LipsyncError : as `synthesis.film.infer` and `synthesis.job.prepare`; UsageError for options that make no sense
    """
    _check_single(config)
    stream = find_stream(config, stdout)
    with (
        with_stdin(config, stdin, notify) as (given, tell),
        dubbed(given, tell) as found,
        open_session(found, cache=cache, progress=progress, notify=tell, stream=stream) as session,
        session.prepare(_speech(found, session.cast), found.files.output) as job,
    ):
        return session.make(job)


@keeps_inputs
def plan(
    config: InferConfig,
    *,
    cache: Path | None = None,
    notify: Notify = ignore,
    stdin: BinaryIO | None = None,
    stdout: int | None = None,
) -> FilmPlan:
    """Look at the inputs and say what `run`, with the same arguments, would make; nothing is written."""
    from lipsync_cli.synthesis.rendering.debug_video import check_debug

    _check_single(config)
    stream, debug_video = find_stream(config, stdout), config.advanced.debug_video
    with (
        with_stdin(config, stdin, notify) as (given, tell),
        dubbed(given, tell) as found,
        open_session(found, cache=cache, notify=tell, dry_run=True, stream=stream) as session,
        session.prepare(_speech(found, session.cast), found.files.output) as job,
    ):
        session.marking.check(job.output.path, found.files.force)
        if debug_video is not None:
            check_debug(debug_video, job, found.files.force, config.performance.resume)
        schedule = job.schedule
        return FilmPlan(
            job.output.path,
            schedule.num_frames,
            float(schedule.timeline.duration_s),
            float(schedule.sound_s),
            schedule.num_source_frames,
            job.generator.header.name,
            replace(session.marking, has_sound=job.output.sound is not None).names(),
        )


@contextmanager
def open_session(config: InferConfig, speeches: Iterable[Path] = (), **options: Any) -> Iterator[Session]:
    """Open what films of one configuration share; the weights are adapted first where that is asked for.

    Parameters
    ----------
    speeches : files of sound that the configuration does not name itself
    options : `cache`, `progress`, `notify` as for `run`; `dry_run` only looks at the inputs; `learn` as for `adapted`,
        `piece_frames` as for `synthesis.film.infer`; `stream` where the film goes if it is no file
    """
    check_values(config)
    with read_as(_readings(config, speeches)), _open_session(config, **options) as session:
        yield session


def _readings(config: InferConfig, speeches: Iterable[Path]) -> dict[Path, Reading]:
    """Return how the inputs are to be read."""
    files, background = config.files, parse_colour(config.quality.background)
    heard = (*files.speech, *chosen_voices(config), *speeches)
    readings = {path: Reading(audio_track=files.audio_track) for path in heard}
    own = readings.get(files.face, Reading())
    return readings | {files.face: replace(own, video_track=files.video_track, background=background)}


@contextmanager
def _open_session(
    config: InferConfig,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    notify: Notify = ignore,
    dry_run: bool = False,
    learn: Callable[..., Adapted] | None = None,
    piece_frames: int | None = None,
    stream: PipeOutput | None = None,
) -> Iterator[Session]:
    """Do the work of `open_session`."""
    from lipsync_cli.runtime.array_cache import ArrayCache
    from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder

    files, several = config.files, config.is_batch
    marking, cast = chosen_marks(config), chosen_people(config)
    kept_at = None if config.performance.no_cache else cache
    if not dry_run:
        kept_at = find_cache(kept_at, notify)
    tuning = chosen_adapting(config, kept_at)
    arrange = _arrange(config, dry_run, stream)
    check = None if several else partial(arrange, _speech(config, cast), files.output, device=None)
    memory = FaceReferenceCache(None if kept_at is None else ArrayCache(kept_at, notify), files.faces, notify)
    ahead_s = Fraction(AHEAD_S if several else 0)
    with (
        adapted(
            tuning,
            files.face,
            arrange,
            cast.choices[0],
            memory,
            progress=progress,
            notify=notify,
            check=check,
            dry_run=dry_run,
            learn=learn,
        ) as prepare,
        SceneBuilder(config.face.reference, config.performance.batch_size, ahead_s, memory, cast.choices) as builder,
    ):

        def make(job: Job, shared: Shared | None = None) -> Result:
            from lipsync_cli.synthesis.film import infer

            return infer(
                job,
                crf=config.quality.crf,
                force=files.force,
                progress=progress,
                notify=notify,
                keep_tracks=files.keep_tracks,
                builder=builder,
                marking=marking,
                debug_video=config.advanced.debug_video,
                resume=config.performance.resume,
                piece_frames=piece_frames,
                shared=shared,
            )

        yield Session(cast, marking, prepare, make)


def _arrange(config: InferConfig, dry_run: bool, stream: PipeOutput | None) -> Prepare:
    """Return `prepare` with the configuration filled in."""
    from lipsync_cli.synthesis.job import prepare

    settings = replace(_settings(config, dry_run), stream=stream)

    def arrange(
        speech: Path | Sequence[Path], output: Path | None = None, *, like: Job | None = None, **options: Any
    ) -> Job:
        return prepare(config.files.face, speech, output, settings.with_options(**options), like)

    return arrange


def _settings(config: InferConfig, dry_run: bool) -> JobSettings:
    from lipsync_cli.synthesis.drivers.voices import VoiceSettings
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorSettings
    from lipsync_cli.synthesis.job import JobSettings
    from lipsync_cli.synthesis.sources.source_clip import SourceSettings

    files, voice, quality = config.files, config.voice, config.quality
    return JobSettings(
        SourceSettings(
            start_s=parse_time(files.start or "0"),
            end_s=None if files.end is None else parse_time(files.end),
            photo_fps=parse_rate(quality.fps),
            deinterlace=quality.deinterlace,
            tonemap=quality.tonemap,
        ),
        VoiceSettings(
            voice.silence, parse_vtln(voice.vtln), voice.driving_audio, voice.final_audio, chosen_voice(config)
        ),
        GeneratorSettings(
            files.weights,
            None if dry_run else partial(start_generator, config.performance.device),
            voice.articulation,
            choose_occlusion(config.face.occlusion),
        ),
        config.face.extend,
        tuple(map(parse_span, files.only)),
        files.force,
    )


def _speech(config: InferConfig, cast: People) -> Sequence[Path]:
    """Return the voices of all speakers, or the one speech."""
    return cast.voices or config.files.speech[:1]


def _check_single(config: InferConfig) -> None:
    """Raise UsageError if there is not one film to make, InputError if that would replace an input."""
    if config.files.output is not None:
        check_no_input(config.files.output)  # before anything is loaded
    if config.is_batch:
        raise UsageError("several speeches are given", hint="make their videos with pipelines.inference.infer_batch")
    if not config.files.speech and not config.face.speaker:
        raise UsageError("no speech is given", hint="name sound files, or a list with --messages")
    for name in ("text", "names", "report"):
        if vars(config.message)[name] is not None:
            raise UsageError(f"--{name} goes with --messages", hint="lipsync say makes a sound file of one text")
    for name in ("shard", "cluster"):
        if vars(config.message)[name] is not None:
            hint = "name several speeches, or a list with --messages"
            raise UsageError(f"--{name} is for several messages", hint=hint)


def choose_occlusion(text: str) -> bool | Path:
    """Return what --occlusion means: whether what lies over the face stays over it, or a file of weights."""
    return text == "keep" if text in ("keep", "ignore") else Path(text)


def start_generator(device: str) -> str:
    """Start torch, and return the name of its device."""
    limit_arenas()  # in a process of the generator's own, too
    start_torch()
    return resolve_device(device)
