"""lipsync infer: a face and a voice to a film in which the face says it."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipsync_cli.commands import adapting, marks, options, people
from lipsync_cli.commands.arenas import limit_arenas
from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result
from lipsync_cli.commands.start_torch import start_torch
from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.synthesis.infer import Result
    from lipsync_cli.synthesis.task import Task

AHEAD_S = 60  # of the video are looked through for several speeches, although the first may need less


class Extend(str, Enum):
    """How a face that is shorter than the speech goes on."""

    bounce = "bounce"
    loop = "loop"
    hold = "hold"
    trim = "trim"


class Reference(str, Enum):
    """Whose pixels are moved."""

    auto = "auto"
    neutral = "neutral"
    current = "current"


class Silence(str, Enum):
    """What the mouth does in the pauses of the speech."""

    close = "close"
    keep = "keep"
    model = "model"


def infer(
    context: typer.Context,
    face: Annotated[Path, typer.Argument(help="Video or photo of a face.", show_default=False)],
    speech: Annotated[
        list[Path] | None,
        typer.Argument(help="Sound file, or video with sound; several make one film each.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Film to write; of several speeches: folder for the films.",
            show_default="FACE.SPEECH.mp4 beside the face",
        ),
    ] = None,
    messages: Annotated[
        Path | None,
        typer.Option(
            "--messages",
            help='List of speeches, one JSON object a line, such as {"speech": "a.wav", "output": "a.mp4"}; - is '
            "stdin.",
            show_default=False,
        ),
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            "--faces",
            help="File of detect-faces that says where the face is; made if it is not there.",
            show_default="a cache by content",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither use nor keep what is known of a video's face.")
    ] = False,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Run folder of train, or .safetensors file.", show_default="embedded weights"),
    ] = None,
    adapt: adapting.Adapt = None,
    save_weights: adapting.SaveWeights = None,
    extend: Annotated[
        Extend,
        typer.Option(
            "--extend",
            help="When the speech is longer than the video: play back and forth, start again, hold the last frame, or "
            "end with the video.",
        ),
    ] = Extend.bounce,
    reference: Annotated[
        Reference,
        typer.Option(
            "--reference",
            help="Whose pixels form the mouth: one frame with a resting mouth, or each frame's own. auto: the former, "
            "and several such frames, each where it fits, when the head turns.",
        ),
    ] = Reference.auto,
    silence: Annotated[
        Silence,
        typer.Option(
            "--silence",
            help="What the mouth does in the speech's pauses: close gently, keep what the video shows, or what the "
            "model makes of breath and noise.",
        ),
    ] = Silence.close,
    articulation: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=3,
            help="How much the mouth moves; 1 is what the weights learned, which is less than real mouths.",
            show_default="1.4, 1.7 where insides are painted",
        ),
    ] = None,
    occlusion: Annotated[
        str,
        typer.Option(
            "--occlusion",
            help="What lies over the face, such as a hand: keep it before the mouth that is drawn, or paint the mouth "
            "over it; or the weights of a network of your own that finds it.",
            metavar="keep|paint|FILE",
        ),
    ] = "keep",
    vtln: options.Vtln = "auto",
    drive_audio: Annotated[
        Path | None,
        typer.Option(
            "--drive-audio", help="Sound that moves the lips, such as a voice without music.", show_default="SPEECH"
        ),
    ] = None,
    final_audio: Annotated[
        Path | None,
        typer.Option("--final-audio", help="Sound that is heard; the film is as long as it.", show_default="SPEECH"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Where to begin in the video: seconds or hh:mm:ss.mmm.", show_default=False),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", help="Where the video ends, in its own time.", show_default=False)
    ] = None,
    deinterlace: Annotated[
        bool | None,
        typer.Option(
            "--deinterlace/--no-deinterlace",
            help="Make whole frames of interlaced ones, or take them as they are.",
            show_default="refuse interlaced video",
        ),
    ] = None,
    tonemap: Annotated[
        bool, typer.Option("--tonemap", help="Convert high dynamic range (PQ, HLG) to the standard one.")
    ] = False,
    keep_tracks: Annotated[
        bool,
        typer.Option("--keep-tracks", help="Keep further sound tracks, subtitles and chapters of the video."),
    ] = False,
    who: people.Who = people.LARGEST,
    speaker: people.Speakers = None,
    detector: people.Detector = people.DetectorName.auto,
    label: marks.Label = False,
    label_text: marks.LabelText = "synthetic",
    sidecar: marks.Sidecar = False,
    credentials: marks.Credentials = False,
    certificate: marks.Certificate = None,
    private_key: marks.PrivateKey = None,
    no_mark: marks.NoMark = None,
    fps: Annotated[
        str, typer.Option("--fps", help="Frames per second if the face is a photo, such as 25 or 30000/1001.")
    ] = "25",
    crf: Annotated[int, typer.Option("--crf", min=0, max=51, help="Quality of the film; lower is better.")] = 18,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Frames drawn at once.")] = 8,
    debug_video: Annotated[
        Path | None,
        typer.Option(
            "--debug-video",
            help="Write a second film that shows over every frame the face, the mask and the points it was posed by, "
            "and below it the time, the state and the sound that moves the lips.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Draw a long film in pieces of 20 s that outlive a kill; the same again draws the missing ones.",
        ),
    ] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Say how long each stage of the work took.")] = False,
    device: options.Device = "auto",
    seed: options.Seed = 10,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Make the face say the speech.

    The film ends with the speech, rounded up to a whole frame, at the video's own frame rate. Only the lower face is
    changed; frames in which no face is found pass through. The film's metadata and an inaudible mark in its sound say
    that it is synthetic; `lipsync info` finds them.

    Of several speeches, or a list of them, one film each is made in the folder -o; the face is found once for all. A
    speech that fails costs one line and exit code 5; films that are there already are not made again without --force.

    Of several people in one video each speaks with the own voice by --speaker; who is not named stays untouched.

    \b
    Example:
      lipsync infer face.mp4 speech.wav
      lipsync infer face.mp4 speech.wav --adapt 1m
      lipsync infer two.mp4 --speaker 0=ann.wav --speaker 1=bob.wav
      lipsync infer presenter.mp4 messages/*.wav -o films/
    """
    from lipsync_cli.commands.messages import infer_messages
    from lipsync_cli.data.face_cache import FaceCache
    from lipsync_cli.synthesis.debug import check_debug
    from lipsync_cli.synthesis.infer import infer as make_film
    from lipsync_cli.synthesis.memory import FaceMemory
    from lipsync_cli.synthesis.presenter import Presenter
    from lipsync_cli.synthesis.task import prepare

    marking = marks.chosen_marks(context.params)
    limit_arenas()
    cast = people.chosen_people(context.params)
    speeches, others = (list(cast.voices[:1]), cast.voices[1:]) if cast.voices else (speech or [], ())
    if not speeches and messages is None:
        raise UsageError("no speech is given", hint="name sound files, or a list with --messages")
    tuning = adapting.chosen_adapting(context.params)
    several = len(speeches) > 1 or messages is not None
    if several and (drive_audio or final_audio):
        raise UsageError(
            "--drive-audio and --final-audio are for one speech", hint="name them in the list of --messages"
        )
    if several and debug_video:
        raise UsageError("--debug-video is for one speech", hint="make the film of that speech alone")
    arrange = partial(
        prepare,
        face,
        weights=weights,
        extend=extend.value,
        photo_fps=_rate(fps),
        force=force,
        device=None if dry_run else partial(_start, device),
        silence=silence.value,
        drive_audio=drive_audio,
        final_audio=final_audio,
        start_s=options.parse_time(start or "0", "--start"),
        end_s=None if end is None else options.parse_time(end, "--end"),
        deinterlace=deinterlace,
        tonemap=tonemap,
        others=others,
        articulation=articulation,
        vtln=options.parse_vtln(vtln),
        occlusion=_occlusion(occlusion),
    )
    with Progress(quiet, verbose) as progress:
        cache = None if no_cache else FaceCache(options.cache_folder(), progress.note)
        memory = FaceMemory(cache, faces, progress.note)
        ahead_s = Fraction(AHEAD_S if several else 0)
        check = None if several else partial(arrange, speeches[0], output, device=None)
        with (
            adapting.adapted(tuning, face, arrange, cast.choices[0], memory, progress, check, dry_run) as adapted,
            Presenter(reference.value, batch_size, ahead_s, memory, cast.choices) as presenter,
        ):

            def make(task: Task) -> Result:
                result = make_film(
                    task,
                    crf=crf,
                    force=force,
                    progress=progress.update,
                    say=progress.note,
                    keep_tracks=keep_tracks,
                    presenter=presenter,
                    marking=marking,
                    debug_video=debug_video,
                    resume=resume,
                )
                for line in result.laps.table():
                    (progress.note if profile else progress.detail)(line)
                return result

            if several:
                infer_messages(speeches, messages, output, adapted, make, progress, force, dry_run, json)
                return
            with adapted(speeches[0], output) as task:
                if dry_run:
                    marking.check(task.output, force)
                    if debug_video is not None:
                        check_debug(debug_video, task, force, resume)
                    _print_plan(task, marking.names(), json)
                    return
                result = make(task)
    print_result(vars(result) | {"laps": result.laps.to_dict()}, json, result.output)


def _occlusion(text: str) -> bool | Path:
    return text == "keep" if text in ("keep", "paint") else Path(text)


def _start(device: str) -> str:
    limit_arenas()  # in a process of the generator's own, too
    start_torch()
    return options.resolve_device(device)


def _print_plan(task: Task, names: list[str], json: bool) -> None:
    plan = task.plan
    planned = {
        "output": str(task.output),
        "num_frames": plan.num_frames,
        "duration_s": float(plan.timeline.duration_s),
        "sound_s": float(plan.sound_s),
        "num_source_frames": plan.num_source_frames,
        "weights": task.header.name,
        "marks": names,
    }
    print_result(planned, json)


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps {text!r} is no frame rate", hint="give a number such as 25 or 30000/1001")
    return rate
