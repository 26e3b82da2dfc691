"""`infer`: a face and a voice to a video."""

from __future__ import annotations

from dataclasses import fields

from lipsync_cli.api.arguments import Notify, PathOrText, Progress, as_path, as_path_or_none, ignore
from lipsync_cli.api.results import InferResult


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
    face, speech : a video or a photo; a sound file, or a video with sound
    output : the video to write (.mp4, .mov, .mkv, .m4v); None: FACE.SPEECH.mp4 beside the face
    weights : run folder of `train`, or .safetensors file; None: the embedded ones
    who : of several people: "largest", "left", "right", a number counted from the left and from 0, or a photo's path
    extend : when the speech is longer than the video: "bounce" (back and forth), "loop", "hold" or "trim"
    silence : what the mouth does in pauses: "close", "keep" (as the video has it) or "model"
    articulation : how much the mouth moves, 0 to 3; 1 is what the weights learned. None: 1.4
    occlusion : whether what lies over the face stays over it; or the weights of another network that finds it
    crf : quality of the output, 0 (best) to 51
    cache : use and keep what is known of the video's face, in the folder that LIPSYNC_CACHE names
    device : "auto", "cpu", "cuda" or "cuda:N"
    force : whether the output may exist
    progress, notify : called with (frames done, of how many or None, of what), and with what a user should know

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
    from lipsync_cli.config.build import make
    from lipsync_cli.pipelines.configs.infer import InferConfig
    from lipsync_cli.pipelines.inference.infer import run
    from lipsync_cli.pipelines.machine.resources import cache_folder

    config = make(
        InferConfig,
        face=as_path(face),
        speech=[as_path(speech)],
        output=as_path_or_none(output),
        weights=as_path_or_none(weights),
        who=str(who),
        extend=extend,
        silence=silence,
        articulation=articulation,
        occlusion=_spell(occlusion),
        crf=crf,
        no_cache=not cache,
        device=device,
        force=force,
    )
    made = run(config, cache=cache_folder() if cache else None, progress=progress, notify=notify or ignore)
    shared = {field.name: getattr(made, field.name) for field in fields(InferResult)}
    return InferResult(**shared | {"marks": tuple(made.marks)})


def _spell(occlusion: bool | PathOrText) -> str:
    """Return the value of --occlusion."""
    if isinstance(occlusion, bool):
        return "keep" if occlusion else "ignore"
    return str(as_path(occlusion))
