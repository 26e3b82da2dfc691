"""A face and a voice in, a talking face out: the whole of `lipsync infer` as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lipsync_cli.faces.selection import FaceSelection
from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.media.tracks import keep_tracks as keep_tracks_of
from lipsync_cli.media.video.lengths import check_lengths
from lipsync_cli.media.video.playability import playing_notes
from lipsync_cli.runtime.atomic_files import atomic_output, private_file
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.job import Job
from lipsync_cli.synthesis.rendering.debug_video import check_debug, debug
from lipsync_cli.synthesis.rendering.film_writer import FilmWriter
from lipsync_cli.synthesis.rendering.fingerprint import fingerprint_of
from lipsync_cli.synthesis.rendering.marking import Marking
from lipsync_cli.synthesis.rendering.scene import SceneBuilder
from lipsync_cli.synthesis.rendering.segments import Segments, frames_in_piece, sweep

Progress = Callable[[int, "int | None", str], None]
Say = Callable[[str], None]


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
    laps : time spent on each part of the work
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
    laps: Stopwatch
    marks: list[str]
    no_mark_reason: str | None
    sidecar: Path | None
    debug_video: Path | None


def infer(
    task: Job,
    reference: str = "auto",
    crf: int = 18,
    batch_size: int = BATCH_SIZE,
    force: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
    keep_tracks: bool = False,
    presenter: SceneBuilder | None = None,
    choices: Sequence[FaceSelection] = (FaceSelection(),),
    marking: Marking | None = None,
    debug_video: Path | None = None,
    resume: bool = False,
) -> Result:
    """Make the film.

    The face is looked for in all frames first; only then the generator runs, as a stream in constant memory.

    Parameters
    ----------
    task : from `prepare`
    reference, batch_size, choices : see `SceneBuilder`; not used if one is given
    crf : quality of the film, 0 ... 51, lower is better
    force : whether the output may exist
    progress : told how many frames are done
    say : told in words what a user should know
    keep_tracks : whether further sound tracks, subtitles and chapters of the source are kept
    presenter : keeps what is found out about the source, for other tasks of the same source and options
    marking : what says that the film is synthetic; None: metadata and sound
    debug_video : a second film, which shows on every frame what was known and done, see `Inspector`
    resume : draw a long film in pieces, which a killed run leaves and the same call goes on with

    Raises
    ------
    NothingToDoError : no frame has a face
    InputError : an input turns out to be damaged, or the output cannot be written
    """
    import numpy as np

    say = say or (lambda text: None)
    laps, marking = Stopwatch(), marking or Marking()
    marking.check(task.output, force)
    if debug_video is not None:
        check_debug(debug_video, task, force, resume)
    if task.loading is None:
        raise ValueError("the task was prepared without a device")
    with ExitStack() as opened:
        if presenter is None:
            presenter = opened.enter_context(SceneBuilder(reference, batch_size, choices=choices))
        scene = presenter.open_scene(task, laps, progress, say)
        if task.plan.extended and not task.info.is_image:
            say(f"{task.face}: ends before the speech, goes on with --extend {task.extend}")
        _tell_of_inputs(task, say)
        watch = None
        if debug_video is not None:
            watch = opened.enter_context(debug(debug_video, task, scene, marking, force))
        drawing = FilmWriter(task, scene.renderer, marking, crf, laps, progress, watch)
        write = drawing.write
        if resume and task.plan.num_frames > frames_in_piece(task.plan):
            facts = fingerprint_of(task, scene, marking, {"crf": crf, "keep_tracks": keep_tracks})
            write = partial(drawing.write_in_pieces, opened.enter_context(Segments(task.output, task.plan, facts, say)))
        with atomic_output(task.output, force) as temporary:
            if keep_tracks and not task.info.is_image:
                with private_file(task.output) as film:
                    num_covered = write(film)
                    _add_tracks(task, film, temporary, say, marking)
            else:
                num_covered = write(temporary)
            _check_film(task, temporary)
            marking.sign(task, temporary)
            sidecar = marking.record(task, temporary, force)
        sweep(task.output)
        if num_covered:
            say(f"{task.face}: something lies over the face in {num_covered} frames of the film; it stays there")
        laps.end("drawing")
    plan, boxes = task.plan, scene.renderer.boxes[:, : task.plan.num_source_frames]
    return Result(
        task.output,
        plan.num_frames,
        float(plan.timeline.duration_s),
        float(plan.sound_s),
        plan.num_source_frames,
        int(np.isnan(boxes[:, :, 0]).all(0).sum()),
        num_covered,
        [[number + task.first_frame for number in numbers] for numbers in scene.reference_frames],
        task.header.name,
        task.header.sha256,
        [voice.vtln for voice in task.voices],
        laps,
        marking.names(),
        marking.no_mark,
        sidecar,
        debug_video,
    )


def _check_film(task: Job, film: Path) -> None:
    plan, sound = task.plan, task.sound if isinstance(task.sound, Path) else None
    check_lengths(film, plan.num_frames, plan.timeline.duration_s, plan.sound_s, sound)


def _tell_of_inputs(task: Job, say: Say) -> None:
    files = [task.face, *(voice.path for voice in task.voices)]
    for path in dict.fromkeys([*files, *(task.sound.paths if isinstance(task.sound, Mix) else [task.sound])]):
        for text in notes_of(path):
            say(f"{path}: {text}")
    if task.info.video is not None:
        for text in playing_notes(task.info.video.width, task.info.video.height, task.plan.timeline.rate):
            say(f"{task.face}: {text}")
    frame_s, sound_s = 1 / task.plan.timeline.rate, task.plan.sound_s
    for voice in task.voices:
        if voice.is_silent:
            say(f"{voice.path}: the sound is silent throughout; the mouth will rest")
        elif not voice.has_speech and voice.silence != "model":
            say(f"{voice.path}: no speech stands out from the noise; --silence model follows whatever is heard")
        if task.sound != voice.path and abs(voice.duration_s - sound_s) > frame_s:
            rest = "the mouth rests after it" if voice.duration_s < sound_s else "the rest of it is not used"
            lengths = f"{float(voice.duration_s):.2f} s, the sound of the film {float(sound_s):.2f} s"
            say(f"{voice.path}: lasts {lengths}; {rest}")


def _add_tracks(task: Job, film: Path, output: Path, say: Say, marking: Marking) -> None:
    start_s, length_s = task.start_s, task.plan.timeline.duration_s
    num_kept, left_out = keep_tracks_of(film, task.face, output, length_s, start_s, marking.tags(task))
    for track in left_out:
        say(f"{task.face}: {track} does not fit into {task.output.suffix} and is left out")
    if not num_kept and not left_out:
        say(f"{task.face}: has no tracks to keep beside its picture and its sound")
