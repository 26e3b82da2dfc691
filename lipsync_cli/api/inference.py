"""`infer`: a face and a voice to a video."""

from __future__ import annotations

from dataclasses import fields

from lipsync_cli.api.arguments import (
    Notify,
    PathOrText,
    Progress,
    as_path,
    as_path_or_none,
    check_choice,
    check_range,
    ignore,
)
from lipsync_cli.api.results import InferResult

EXTEND = ("bounce", "loop", "hold", "trim")
SILENCE = ("close", "keep", "model")


def infer(
    face: PathOrText,
    speech: PathOrText,
    output: PathOrText | None = None,
    *,
    weights: PathOrText | None = None,
    who: str | int = "largest",
    extend: str = "bounce",
    silence: str = "close",
    articulation: float | None = None,
    occlusion: bool | PathOrText = True,
    crf: int = 18,
    cache: bool = True,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> InferResult:
    """Make the face say the speech.

    The output is as long as the speech, at the video's own frame rate. Only the lower face is changed. It says in its
    metadata, and by an inaudible mark in its sound, that it is synthetic.

    Parameters
    ----------
    face : a video or a photo
    speech : a sound file, or a video with sound
    output : the video to write (.mp4, .mov, .mkv, .m4v); None: FACE.SPEECH.mp4 beside the face
    weights : run folder of `train`, or .safetensors file; None: the embedded ones
    who : of several people: "largest", "left", "right", a number counted from the left and from 0, or a photo's path
    extend : when the speech is longer than the video: "bounce" (back and forth), "loop", "hold" or "trim"
    silence : what the mouth does in pauses: "close", "keep" (as the video has it) or "model"
    articulation : how much the mouth moves, 0 to 3; 1 is what the weights learned. None: 1.4, 1.7 for a photo
    occlusion : whether what lies over the face stays over it; or the weights of another network that finds it
    crf : quality of the output, 0 (best) to 51
    cache : use and keep what is known of the video's face, in the folder that LIPSYNC_CACHE names
    device : "auto", "cpu", "cuda" or "cuda:N"
    force : whether the output may exist
    progress : called with (frames done, of how many or None, of what)
    notify : called with what a user should know, a line each

    Returns
    -------
    InferResult : the output, and what is in it

    Raises
    ------
    UsageError : an option has a value that it cannot have
    InputError : a file is missing, unreadable or does not fit, or the output exists
    NothingToDoError : no frame has a face, or the sound is silent
    ToolError : FFmpeg or the device is missing

    Examples
    --------
    >>> import lipsync_cli as lipsync
    >>> lipsync.infer("face.mp4", "speech.wav", "out.mp4").num_frames  # doctest: +SKIP
    75
    """
    check_choice("extend", extend, EXTEND)
    check_choice("silence", silence, SILENCE)
    check_range("articulation", articulation, 0, 3)
    check_range("crf", crf, 0, 51)
    from lipsync_cli.data.face_cache import FaceCache
    from lipsync_cli.pipelines.machine.resources import cache_folder, resolve_device
    from lipsync_cli.synthesis.choice import read_choice
    from lipsync_cli.synthesis.infer import infer as make_video
    from lipsync_cli.synthesis.memory import FaceMemory
    from lipsync_cli.synthesis.presenter import Presenter
    from lipsync_cli.synthesis.task import prepare

    say = notify or ignore
    choice = read_choice(str(who), option="who")
    memory = FaceMemory(FaceCache(cache_folder(), say) if cache else None, say=say)
    task = prepare(
        as_path(face),
        as_path(speech),
        None if output is None else as_path(output),
        as_path_or_none(weights),
        extend,
        force=force,
        device=resolve_device(device),
        silence=silence,
        articulation=articulation,
        occlusion=occlusion if isinstance(occlusion, bool) else as_path(occlusion),
    )
    with task, Presenter(memory=memory, choices=(choice,)) as presenter:
        made = make_video(task, crf=crf, force=force, progress=progress, say=say, presenter=presenter)
    shared = {field.name: getattr(made, field.name) for field in fields(InferResult)}
    return InferResult(**shared | {"marks": tuple(made.marks)})
