"""A presenter who says what comes in, while it comes: everything that `lipsync live` does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.build import check_values
from lipsync_cli.config.quantities import parse_colour, parse_rate, parse_time, parse_vtln
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.reading import Reading, read_as
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.live import LiveConfig
from lipsync_cli.pipelines.inference.infer import choose_occlusion, start_generator
from lipsync_cli.pipelines.inference.standard_streams import PIPE
from lipsync_cli.pipelines.machine.malloc_arenas import limit_arenas
from lipsync_cli.pipelines.machine.resources import find_cache
from lipsync_cli.runtime.atomic_files import check_output, claim_output
from lipsync_cli.runtime.wall_clock import Clock, WallClock

if TYPE_CHECKING:
    from lipsync_cli.media.sound.live_sound import SoundFeed
    from lipsync_cli.media.video.live_writer import LiveWriter, Target
    from lipsync_cli.speech.speech_features import Stream
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorChoice
    from lipsync_cli.synthesis.live.live_film import LiveFilm, LiveReport
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

KEPT_BYTES = 2 << 30  # of the presenter's frames on disk: 1 minute of 1280x720, 9 of 360x288


@dataclass(frozen=True)
class LiveResult:
    """What was made.

    Attributes
    ----------
    output : where it went
    marks : what in it says that it is synthetic
    ahead_s : how long a frame waited for its sound, at most
    report : see `LiveReport`
    """

    output: str
    marks: list[str]
    ahead_s: float
    report: LiveReport

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as one JSON-able dictionary."""
        return {"output": self.output, "marks": self.marks, "ahead_s": self.ahead_s, **asdict(self.report)}


@keeps_inputs
def run(
    config: LiveConfig,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    notify: Notify = ignore,
    stdin: int | None = None,
    stdout: int | None = None,
    clock: Clock | None = None,
) -> LiveResult:
    """Make a film of the sound while it comes, until it ends.

    Parameters
    ----------
    cache, progress, notify : as for `pipelines.inference.infer.run`
    stdin, stdout : descriptors that "-" stands for
    clock : by which the sound comes; None: the system's

    Raises
    ------
    UsageError : options make no sense
    InputError : an input cannot be read, or the target not be written
    ReaderGoneError : nobody reads the film any more
    NothingToDoError : no frame has a face
    """
    from lipsync_cli.media.video.live_writer import find_target

    check_values(config)
    limit_arenas()
    clock, files = clock or WallClock(), config.files
    target = find_target(files.to, files.container, stdout)
    _check(config, target, stdin)
    marking = _marking(config, target)
    with (
        read_as({files.face: Reading(background=parse_colour(config.quality.background))}),
        _open_film(config, marking, clock, cache=cache, progress=progress, notify=notify) as (film, source, generator),
        _open_feed(config, clock, stdin) as feed,
        _open_writer(config, target, film, source, generator, marking=marking, feed=feed) as writer,
    ):
        notify(
            f"latency: {1000 * film.latency_s:.0f} ms and what drawing takes "
            f"({1000 * film.speech.ahead_s:.0f} ms of sound after a frame, {film.batch_size} frames at once)"
        )
        report = film.run(feed, writer)
    return LiveResult(files.to, marking.names(), film.latency_s, report)


def _check(config: LiveConfig, target: Target, stdin: int | None) -> None:
    """Raise UsageError or InputError for what makes no sense before anything is loaded."""
    if config.files.face == PIPE:
        raise UsageError("the presenter is prepared before the start", hint="save the video in a file")
    if config.files.speech == PIPE:
        if stdin is None or os.isatty(stdin):
            raise UsageError("- reads standard input, which is a terminal", hint="give it sound: < FILE, or a pipe")
    elif config.sound.rate is not None:
        raise UsageError("--rate is of raw sound from standard input", hint="give - as the speech")
    if target.name == "-" and (target.descriptor is None or os.isatty(target.descriptor)):
        raise UsageError("the video would go to the terminal", hint="add > out.mkv, | and a program, or --to")
    if target.is_file:
        check_output(Path(target.name), config.files.force)


def _marking(config: LiveConfig, target: Target) -> Marking:
    from lipsync_cli.synthesis.rendering.marking import Marking

    asked = config.marking
    marking = Marking(label=asked.label_text if asked.visible_watermark else None, holds_tags=target.holds_tags)
    marking.check(Path(target.name))
    return marking


@contextmanager
def _open_film(
    config: LiveConfig,
    marking: Marking,
    clock: Clock,
    *,
    cache: Path | None,
    progress: Progress | None,
    notify: Notify,
) -> Iterator[tuple[LiveFilm, SourceClip, GeneratorChoice]]:
    """Find the presenter's face and poses, and load the generator."""
    from lipsync_cli.faces.selection import parse_face_selection
    from lipsync_cli.runtime.array_cache import ArrayCache
    from lipsync_cli.runtime.stopwatch import Stopwatch
    from lipsync_cli.synthesis.live.live_film import LiveFilm
    from lipsync_cli.synthesis.live.live_speech import LiveSpeech
    from lipsync_cli.synthesis.live.preparation import prepare_poses
    from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder

    source, generator = _open_source(config, notify)
    num_frames, header, voice = source.timeline.num_frames, generator.header, config.voice
    kept_at = None if config.performance.no_cache else find_cache(cache, notify)
    memory = FaceReferenceCache(None if kept_at is None else ArrayCache(kept_at, notify), config.files.faces, notify)
    choice = parse_face_selection(config.face.who, config.face.detector)
    batch_size = config.performance.batch_size
    with SceneBuilder(config.face.reference, batch_size, memory=memory, choices=(choice,)) as builder:
        scene = builder.open_scene(source, generator, num_frames, Stopwatch(), progress, notify)
        prepare_poses(scene.renderer, scene.video, progress)
        speech = LiveSpeech(
            header.hears,
            header.mel_parameters,
            voice.silence,
            parse_vtln(voice.vtln) or 1.0,
            ahead_s=config.performance.ahead_ms / 1000,
            stream=_open_stream(header.hears, generator.result().device),
            window=header.mel_window,
        )
        label = marking.draw(scene.video.width, scene.video.height, scene.boxes.reshape(-1, 4))
        film = LiveFilm(scene, source.timeline.rate, speech, clock, label, batch_size, notify, progress)
        yield film, source, generator


def _open_stream(hears: str, device: str) -> Stream | None:
    """Load the speech encoder, if the generator hears what it says."""
    from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_stream
    from lipsync_cli.speech.speech_features import RATE
    from lipsync_cli.synthesis.drivers.speech_driver import MEL
    from lipsync_cli.synthesis.live.live_speech import BEFORE_S

    if hears == MEL:
        return None
    return make_stream(load_speech_encoder(device), device, round(BEFORE_S * RATE))


def _open_source(config: LiveConfig, notify: Notify) -> tuple[SourceClip, GeneratorChoice]:
    """Read what the presenter's file holds, and begin to load the generator."""
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.video.picture_format import plan_conversion
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorSettings, choose_generator
    from lipsync_cli.synthesis.sources.source_clip import SourceSettings, read_clip

    files, quality = config.files, config.quality
    info = probe(files.face)
    if info.video is None:
        raise InputError("has no picture", files.face, "give a video or a photo with a face first, then the speech")
    settings = SourceSettings(
        parse_time(files.start or "0"),
        None if files.end is None else parse_time(files.end),
        parse_rate(quality.fps),
        quality.deinterlace,
        quality.tonemap,
    )
    picture = plan_conversion(info, settings.deinterlace, settings.tonemap)
    chosen = GeneratorSettings(
        files.weights,
        partial(start_generator, config.performance.device),
        config.voice.articulation,
        choose_occlusion(config.face.occlusion),
    )
    generator = choose_generator(chosen, files.face, info.video.rate, cores=1)  # another process would answer later
    source = replace(read_clip(files.face, info, picture, settings), spool_bytes=KEPT_BYTES)
    most = max(1, KEPT_BYTES // (info.video.width * info.video.height * 3))
    if source.timeline.num_frames > most:
        length_s = float(source.timeline.time(most))
        notify(f"{files.face}: only its first {length_s:.0f} s are shown; --start, --end choose others")
        source = replace(source, timeline=source.timeline.cut(0, most))
    return source, generator


@contextmanager
def _open_feed(config: LiveConfig, clock: Clock, stdin: int | None) -> Iterator[SoundFeed]:
    from lipsync_cli.media.sound.live_sound import FileFeed, PipeFeed
    from lipsync_cli.media.sound.raw_sound import RawSound

    sound = config.sound
    feed: SoundFeed | None = None
    try:
        if config.files.speech != PIPE:
            feed = FileFeed(config.files.speech, clock)
        else:
            assert stdin is not None
            raw = None if sound.rate is None else RawSound(sound.rate, sound.pcm_format, sound.channels)
            feed = PipeFeed(stdin, clock, raw)
        yield feed
    finally:
        if feed is not None:
            feed.close()


def _open_writer(
    config: LiveConfig,
    target: Target,
    film: LiveFilm,
    source: SourceClip,
    generator: GeneratorChoice,
    *,
    marking: Marking,
    feed: SoundFeed,
) -> LiveWriter:
    from lipsync_cli.media.video.live_writer import LiveWriter
    from lipsync_cli.provenance.audio_watermark import mark

    video = film.scene.video
    if target.is_file:
        claim_output(Path(target.name), config.files.force)
    return LiveWriter(
        target,
        video.width,
        video.height,
        Fraction(film.rate),
        feed.sample_rate,
        feed.channels,
        crf=config.quality.crf,
        tags=marking.tags(generator.header),
        color_tags=source.picture.color_tags,
        sample_aspect=source.sample_aspect,
        is_yuv=video.matrix is not None,
        change_sound=mark,
    )
