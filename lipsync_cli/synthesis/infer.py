"""A face and a voice in, a talking face out: the whole of `lipsync infer` as one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.blend import lower_face_mask
from lipsync_cli.faces.track import find_face
from lipsync_cli.media.encode import VideoWriter
from lipsync_cli.media.marks import synthetic_tags
from lipsync_cli.media.tracks import keep_tracks as keep_tracks_of
from lipsync_cli.output import atomic_output, private_file
from lipsync_cli.synthesis.codes import face_codes
from lipsync_cli.synthesis.composite import Compositor, reference_face
from lipsync_cli.synthesis.footage import Footage
from lipsync_cli.synthesis.reference import choose_neutral, fits_poses
from lipsync_cli.synthesis.render import BATCH_SIZE, Renderer
from lipsync_cli.synthesis.sketch import Sketcher
from lipsync_cli.synthesis.task import Task

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, "int | None", str], None]
Say = Callable[[str], None]

REFERENCES = ("auto", "neutral", "current")


@dataclass(frozen=True)
class Result:
    """What was made.

    Attributes
    ----------
    output : the film
    num_frames, duration_s, sound_s : of the film
    num_source_frames : how many frames of the source it shows
    num_without_face : how many of these passed through untouched
    reference_frame : the source frame whose pixels are moved; None: each its own
    weights, weights_sha256 : the generator's
    seconds : time spent on each part of the work
    """

    output: Path
    num_frames: int
    duration_s: float
    sound_s: float
    num_source_frames: int
    num_without_face: int
    reference_frame: int | None
    weights: str
    weights_sha256: str
    seconds: dict[str, float] = field(default_factory=dict)


def infer(
    task: Task,
    reference: str = "auto",
    crf: int = 18,
    batch_size: int = BATCH_SIZE,
    force: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
    keep_tracks: bool = False,
) -> Result:
    """Make the film.

    The face is looked for in all frames first; only then the generator runs, as a stream in constant memory.

    Parameters
    ----------
    task : from `prepare`
    reference : "neutral" moves the pixels of one frame with a resting mouth; "current" those of each frame itself;
        "auto" is neutral, but current where the head turns too much for one frame to fit the others
    crf : quality of the film, 0 ... 51, lower is better
    batch_size : frames that the generator draws at once
    force : whether the output may exist
    progress : told how many frames are done
    say : told in words what a user should know
    keep_tracks : whether further sound tracks, subtitles and chapters of the source are kept

    Raises
    ------
    NothingToDoError : no frame has a face
    InputError : an input turns out to be damaged, or the output cannot be written
    """
    if reference not in REFERENCES:
        raise UsageError(f"--reference {reference!r} is not known", hint=f"choose from {', '.join(REFERENCES)}")
    say = say or (lambda text: None)
    plan, rule, clock = task.plan, task.header.crop_rule, _Clock()
    if task.loading is None:
        raise ValueError("the task was prepared without a device")
    picture = task.picture
    with Footage(task.info, plan.num_source_frames, first=task.first_frame, filters=picture.filters) as footage:
        for note in picture.notes:
            say(f"{task.face}: {note}")
        boxes = find_face(footage.scan(), rule, _counted(progress, plan.num_source_frames)).boxes
        num_without_face = _check_faces(boxes, task, say)
        if plan.extended and not task.info.is_image:
            say(f"{task.face}: ends before the speech, goes on with --extend {task.extend}")
        _tell_of_sound(task, say)
        clock.lap("find_face")
        sketcher = task.loading.result()
        clock.lap("load")
        number = _choose_reference(reference, footage, boxes, task, sketcher, say)
        clock.lap("choose_reference")
        chosen = None if number is None else reference_face(footage.frame(number), boxes[number], rule)
        compositor = Compositor(rule, lower_face_mask(rule))
        with face_codes(sketcher) as codes, atomic_output(task.output, force) as temporary:
            renderer = Renderer(footage, boxes, rule, sketcher, compositor, chosen, batch_size, codes)
            if keep_tracks and not task.info.is_image:
                with private_file(task.output) as film:
                    _write(renderer, task, film, crf, progress)
                    _add_tracks(task, film, temporary, say)
            else:
                _write(renderer, task, temporary, crf, progress)
        clock.lap("render")
    return Result(
        task.output,
        plan.num_frames,
        float(plan.timeline.duration_s),
        float(plan.sound_s),
        plan.num_source_frames,
        num_without_face,
        None if number is None else number + task.first_frame,
        task.header.name,
        task.header.sha256,
        clock.laps,
    )


def _check_faces(boxes: np.ndarray, task: Task, say: Say) -> int:
    """Return how many frames have no face, and say so; NothingToDoError if none has one."""
    import numpy as np

    missing = int(np.isnan(boxes[:, 0]).sum())
    if missing == len(boxes):
        what = "the photo" if task.info.is_image else f"{len(boxes)} frames"
        raise NothingToDoError(f"no face in {what}", task.face, "give a face that looks at the camera")
    if missing:
        say(f"{task.face}: no face in {missing} of {len(boxes)} frames; they pass through as they are")
    return missing


def _tell_of_sound(task: Task, say: Say) -> None:
    voice, frame_s = task.voice, 1 / task.plan.timeline.rate
    if voice.is_silent:
        say(f"{voice.path}: the sound is silent throughout; the mouth will rest")
    elif not voice.has_speech and voice.silence != "model":
        say(f"{voice.path}: no speech stands out from the noise; --silence model follows whatever is heard")
    sound_s = task.plan.sound_s
    if task.sound != voice.path and abs(voice.duration_s - sound_s) > frame_s:
        rest = "the mouth rests after it" if voice.duration_s < sound_s else "the rest of it is not used"
        say(
            f"{voice.path}: lasts {float(voice.duration_s):.2f} s, the sound of the film {float(sound_s):.2f} s; {rest}"
        )


def _choose_reference(
    reference: str, footage: Footage, boxes: np.ndarray, task: Task, sketcher: Sketcher, say: Say
) -> int | None:
    import numpy as np

    if reference == "current" or task.plan.num_source_frames == 1:
        return None
    if all(np.isnan(boxes[number, 0]) for number in footage.at_hand()):
        return None  # a face so rarely seen that no frame of it was kept
    rule = task.header.crop_rule
    number = choose_neutral(footage, boxes, rule, sketcher)
    if reference == "auto" and not fits_poses(footage, boxes, rule, number):
        say(
            f"{task.face}: the head turns too much for one resting face, each frame's own mouth is moved; one that is "
            "wide open may stay partly open"
        )
        return None
    return number


def _add_tracks(task: Task, film: Path, output: Path, say: Say) -> None:
    start_s, length_s = task.start_s, task.plan.timeline.duration_s
    num_kept, left_out = keep_tracks_of(film, task.face, output, length_s, start_s, _tags(task))
    for track in left_out:
        say(f"{task.face}: {track} does not fit into {task.output.suffix} and is left out")
    if not num_kept and not left_out:
        say(f"{task.face}: has no tracks to keep beside its picture and its first sound")


def _tags(task: Task) -> dict[str, str]:
    return synthetic_tags(task.header.name, task.header.sha256)


def _write(renderer: Renderer, task: Task, path: Path, crf: int, progress: Progress | None) -> None:
    assert task.info.video is not None
    plan, video = task.plan, task.info.video
    writer = VideoWriter(
        path,
        renderer.footage.width,
        renderer.footage.height,
        plan.timeline,
        task.sound,
        plan.sound_s,
        crf=crf,
        tags=_tags(task),
        color_tags=task.picture.color_tags,
        sample_aspect=video.sample_aspect,
    )
    with writer, renderer.frames(plan, task.voice) as frames:
        for done, frame in enumerate(frames, 1):
            writer.write(frame)
            if progress is not None:
                progress(done, plan.num_frames, "drawing the mouth")


def _counted(progress: Progress | None, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _, label: progress(done, total, label)


class _Clock:
    """Seconds of wall time from lap to lap."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
