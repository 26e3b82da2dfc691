"""A face and a voice in, a talking face out: the whole of `lipsync infer` as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lipsync_cli.faces.selection import FaceSelection
from lipsync_cli.media.extra_tracks import keep_tracks as keep_tracks_of
from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.media.video.lengths import check_lengths
from lipsync_cli.media.video.playability import playing_notes
from lipsync_cli.runtime.atomic_files import atomic_output, private_file
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.job import Job
from lipsync_cli.synthesis.rendering.debug_video import check_debug, debug
from lipsync_cli.synthesis.rendering.film_writer import FilmWriter, Noticed, Shared, name_frames
from lipsync_cli.synthesis.rendering.fingerprint import fingerprint_of
from lipsync_cli.synthesis.rendering.marking import Marking
from lipsync_cli.synthesis.rendering.scene import Scene, SceneBuilder
from lipsync_cli.synthesis.rendering.segments import Segments, frames_in_piece, sweep

Progress = Callable[[int, "int | None", str], None]
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What was made.

    Attributes
    ----------
    output : the film
    num_frames, duration_s, sound_s : of the film
    num_source_frames : how many frames of the source it shows
    num_without_face : how many of these passed through untouched
    num_covered : in how many frames of the film that were drawn now something lies over a face, and stays there
    reference_frames : for each speaker the source frames whose pixels are moved, more than one of a head that turns;
        none: each its own
    weights, weights_sha256 : the generator's
    vtln : for each voice the factor by which its formants were brought to those that the weights know
    stopwatch : time spent on each part of the work
    marks : what in the film says that it is synthetic
    no_mark_reason : why nothing does
    sidecar : the JSON file beside the film
    debug_video : the film beside it that explains it
    """

    output: Path
    num_frames: int
    duration_s: float
    sound_s: float
    num_source_frames: int
    num_without_face: int
    num_covered: int
    reference_frames: list[list[int]]
    weights: str
    weights_sha256: str
    vtln: list[float]
    stopwatch: Stopwatch
    marks: list[str]
    no_mark_reason: str | None
    sidecar: Path | None
    debug_video: Path | None


def infer(
    job: Job,
    reference: str = "auto",
    *,
    batch_size: int = BATCH_SIZE,
    choices: Sequence[FaceSelection] = (FaceSelection(),),
    builder: SceneBuilder | None = None,
    crf: int = 18,
    force: bool = False,
    resume: bool = False,
    piece_frames: int | None = None,
    shared: Shared | None = None,
    keep_tracks: bool = False,
    marking: Marking | None = None,
    debug_video: Path | None = None,
    progress: Progress | None = None,
    notify: Notify = lambda text: None,
) -> Result:
    """Make the film.

    The face is looked for in all frames first; only then the generator runs, as a stream in constant memory.

    Parameters
    ----------
    job : from `prepare`
    reference, batch_size, choices : see `SceneBuilder`; not used if one is given
    builder : keeps what is found out about the source, for other jobs of the same source and options
    crf : quality of the film, 0 ... 51, lower is better
    force : whether the output may exist
    resume : draw a long film in pieces, which a killed run leaves and the same call goes on with
    piece_frames : frames of such a piece, at most; None: see `frames_in_piece`
    shared : frames that were drawn for another film of the same source; the caller's
    keep_tracks : whether further sound tracks, subtitles and chapters of the source are kept
    marking : what says that the film is synthetic; None: metadata and sound
    debug_video : a second film, which shows on every frame what was known and done, see `Inspector`
    progress : told how many frames are done
    notify : told in words what a user should know

    Raises
    ------
    NothingToDoError : no frame has a face
    InputError : an input turns out to be damaged, or the output cannot be written
    ReaderGoneError : nobody reads the stream that it goes to any more
    ValueError : the job was prepared without a device
    """
    stopwatch, marking = Stopwatch(), replace(marking or Marking(), has_sound=job.output.sound is not None)
    source, plan, output = job.source, job.schedule, job.output.path
    marking.check(output, force)
    if debug_video is not None:
        check_debug(debug_video, job, force, resume)
    if job.generator.loading is None:
        raise ValueError("the job was prepared without a device")
    with ExitStack() as opened:
        if builder is None:
            builder = opened.enter_context(SceneBuilder(reference, batch_size, choices=choices))
        scene = builder.open_scene(source, job.generator, plan.num_source_frames, stopwatch, progress, notify)
        _tell_of_inputs(job, notify)
        watch = None
        if debug_video is not None:
            watch = opened.enter_context(debug(debug_video, job, scene, marking, force))
        writer = FilmWriter(job, scene, marking, crf, stopwatch, progress, watch)
        write = writer.write if shared is None else partial(writer.write_shared, shared)
        size = piece_frames or frames_in_piece(plan)
        if resume and shared is None and plan.num_frames > size:
            facts = fingerprint_of(job, scene, marking, {"crf": crf, "keep_tracks": keep_tracks})
            write = partial(writer.write_in_pieces, opened.enter_context(Segments(output, plan, facts, notify, size)))
        sidecar = None
        if job.output.stream is not None:
            noticed = write(output)
        else:
            add_tracks = partial(_add_tracks, job, notify, marking) if keep_tracks and not source.is_photo else None
            noticed, sidecar = _write_file(job, marking, write, add_tracks, force)
        _tell_of_frames(noticed, source.path, notify)
        stopwatch.end("drawing")
    return _report(job, scene, marking, len(noticed.covered), sidecar, debug_video, stopwatch=stopwatch)


def _write_file(
    job: Job,
    marking: Marking,
    write: Callable[[Path], Noticed],
    add_tracks: Callable[[Path, Path], None] | None,
    force: bool,
) -> tuple[Noticed, Path | None]:
    """Make the film's file, whole and marked; return what was noticed of its frames, and the sidecar."""
    output = job.output.path
    with atomic_output(output, force) as temporary:
        if add_tracks is None:
            noticed = write(temporary)
        else:
            with private_file(output) as film:
                noticed = write(film)
                add_tracks(film, temporary)
        _check_film(job, temporary)
        marking.sign(temporary, output)
        sidecar = marking.record(temporary, output, job.inputs(), job.generator.header, force)
    sweep(output)
    return noticed, sidecar


def _tell_of_frames(noticed: Noticed, face: Path, notify: Notify) -> None:
    """Say in which frames something is drawn only in part."""
    if noticed.covered:
        where = name_frames(noticed.covered)
        notify(f"{face}: something lies over the face in {where} of the video; it stays there")
    if noticed.turned:
        where = name_frames(noticed.turned)
        notify(f"{face}: the head is turned too far in {where} of the video; its own mouth shows there")


def _report(
    job: Job,
    scene: Scene,
    marking: Marking,
    num_covered: int,
    sidecar: Path | None,
    debug_video: Path | None,
    *,
    stopwatch: Stopwatch,
) -> Result:
    """Say what was made."""
    import numpy as np

    plan, header = job.schedule, job.generator.header
    boxes = scene.boxes[:, : plan.num_source_frames]
    return Result(
        output=job.output.path,
        num_frames=plan.num_frames,
        duration_s=float(plan.timeline.duration_s),
        sound_s=float(plan.sound_s),
        num_source_frames=plan.num_source_frames,
        num_without_face=int(np.isnan(boxes[:, :, 0]).all(0).sum()),
        num_covered=num_covered,
        reference_frames=[[number + job.source.first_frame for number in each] for each in scene.reference_frames],
        weights=header.name,
        weights_sha256=header.sha256,
        vtln=[voice.vtln for voice in job.voices],
        stopwatch=stopwatch,
        marks=marking.names(),
        no_mark_reason=marking.no_mark,
        sidecar=sidecar,
        debug_video=debug_video,
    )


def _check_film(job: Job, film: Path) -> None:
    plan, sound = job.schedule, job.output.sound
    origin = sound if isinstance(sound, Path) else None
    sound_s = None if sound is None else plan.sound_s
    check_lengths(film, plan.num_frames, plan.timeline.duration_s, sound_s, origin)


def _tell_of_inputs(job: Job, notify: Notify) -> None:
    sound, video = job.output.sound, job.source.info.video
    if job.schedule.extended and not job.source.is_photo:
        notify(f"{job.source.path}: ends before the speech, goes on with --extend {job.schedule.extend}")
    files = [job.source.path, *(voice.path for voice in job.voices)]
    heard = [] if sound is None else sound.paths if isinstance(sound, Mix) else [sound]
    for path in dict.fromkeys([*files, *heard]):
        for text in notes_of(path):
            notify(f"{path}: {text}")
    if video is not None:
        for text in playing_notes(video.width, video.height, job.schedule.timeline.rate):
            notify(f"{job.source.path}: {text}")
    frame_s, sound_s = 1 / job.schedule.timeline.rate, job.schedule.sound_s
    for voice in job.voices:
        if voice.is_silent:
            notify(f"{voice.path}: the sound is silent throughout; the mouth will rest")
        elif not voice.has_speech and voice.silence != "model":
            notify(f"{voice.path}: no speech stands out from the noise; --silence model follows whatever is heard")
        if sound not in (None, voice.path) and abs(voice.duration_s - sound_s) > frame_s:
            rest = "the mouth rests after it" if voice.duration_s < sound_s else "the rest of it is not used"
            lengths = f"{float(voice.duration_s):.2f} s, the sound of the video {float(sound_s):.2f} s"
            notify(f"{voice.path}: lasts {lengths}; {rest}")


def _add_tracks(job: Job, notify: Notify, marking: Marking, film: Path, output: Path) -> None:
    source, length_s = job.source, job.schedule.timeline.duration_s
    tags = marking.tags(job.generator.header, source.info.tags)
    num_kept, left_out = keep_tracks_of(film, source.path, output, length_s, source.start_s, tags)
    for track in left_out:
        notify(f"{source.path}: {track} does not fit into {job.output.path.suffix} and is left out")
    if not num_kept and not left_out:
        notify(f"{source.path}: has no tracks to keep beside its picture and its sound")
