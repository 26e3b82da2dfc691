"""`score`: how good generated faces are, beside baselines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.api.arguments import (
    OnFailure,
    PathOrText,
    Progress,
    as_path,
    as_path_or_none,
    check_choice,
    check_range,
    collect_failures,
)
from lipsync_cli.api.results import ScoreResult
from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.scoring.scores import Scores
    from lipsync_cli.scoring.tools import Tools

SPLITS = ("test", "val", "train")
HDF5 = b"\x89HDF\r\n\x1a\n"  # what a pack begins with


def score(
    source: PathOrText,
    reference: PathOrText | None = None,
    *,
    weights: PathOrText | None = None,
    metrics: str | Sequence[str] = "standard",
    transcripts: PathOrText | None = None,
    align: bool = False,
    split: str = "test",
    max_frames: int | None = None,
    device: str = "auto",
    jobs: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
) -> ScoreResult:
    """Measure how good generated faces are, beside baselines.

    Parameters
    ----------
    source : a video, a folder of videos, or a pack, whose clips are then generated anew by the weights
    reference : the real video that the source should look like, or the folder of them; None: the source alone
    weights : run folder or .safetensors file, for a pack; None: the embedded ones
    metrics : names of metrics or groups ("reconstruction", "sync", "standard", "all", ...), separated by commas or in a
        sequence
    transcripts : what is said when: a .align file of GRID, or for a folder or pack the folder of SPEAKER/CLIP.align
    align : compare what both videos have, if sizes, rates or lengths differ
    split : which clips of a pack: "test", "val" or "train"
    max_frames : at most so many frames of a pack, spread evenly; None: every frame with a face
    device : "auto", "cpu", "cuda" or "cuda:N"
    jobs : worker processes
    seed : of every random choice
    progress : called with (frames done, of how many or None, of what)
    on_failure : called with the error of each video of a folder that fails

    Returns
    -------
    ScoreResult : `means[row][metric]`; rows are "model" (a pack) or "output" (videos), and the baselines

    Raises
    ------
    UsageError : an option has a value that it cannot have
    InputError : a file is missing, unreadable or does not fit
    NothingToDoError : there is nothing to score
    ToolError : FFmpeg or the device is missing
    """
    check_choice("split", split, SPLITS)
    check_range("jobs", jobs, 1, None)
    check_range("max_frames", max_frames, 1, None)
    from lipsync_cli.media.tools import check_file
    from lipsync_cli.pipelines.machine.resources import resolve_device
    from lipsync_cli.scoring.films import score_folder, score_video
    from lipsync_cli.scoring.metrics.registry import find_families
    from lipsync_cli.scoring.tools import Tools

    path, real, spoken = as_path(source), as_path_or_none(reference), as_path_or_none(transcripts)
    wanted = [name.strip() for name in (metrics.split(",") if isinstance(metrics, str) else metrics) if name.strip()]
    wanted += ["words"] if spoken is not None else []
    find_families(wanted)  # a wrong name is refused before anything is read
    tools = Tools(resolve_device(device))
    failures, fail = collect_failures(on_failure)
    if not path.is_dir():
        check_file(path)
    is_pack = real is None and path.is_file() and _is_hdf5(path)
    if weights is not None and not is_pack:
        raise UsageError("weights are for a pack", hint="a video is scored as it is")
    if is_pack:
        picked = split, max_frames, seed
        scores = _score_pack(path, as_path_or_none(weights), wanted, tools, picked, jobs, spoken, progress)
    elif path.is_dir():
        from lipsync_cli.data.transcript import Transcripts

        words = Transcripts(spoken) if spoken is not None else None
        scores = score_folder(path, real, align, wanted, tools, None, jobs, progress, fail, words)
    else:
        from lipsync_cli.data.transcript import find_transcript

        scores = score_video(path, real, align, wanted, tools, progress, find_transcript(spoken, path))
    return ScoreResult(scores, tuple(failures))


def _score_pack(
    source: Path,
    weights: Path | None,
    wanted: list[str],
    tools: Tools,
    picked: tuple[str, int | None, int],
    jobs: int,
    transcripts: Path | None,
    progress: Progress | None,
) -> Scores:
    from lipsync_cli.data.heard import hear_pack
    from lipsync_cli.data.reader import Pack
    from lipsync_cli.data.transcript import Transcripts
    from lipsync_cli.data.weights import load_weights
    from lipsync_cli.scoring import protocol
    from lipsync_cli.scoring.metrics.registry import find_families

    split, max_frames, seed = picked
    generator, header = load_weights(weights, tools.device)
    families = find_families(wanted, has_frames=False)
    with Pack(source, jobs) as pack:
        protocol.check_fits(pack, header, weights or header.name)
        heard, _ = hear_pack(pack, split, header.known_voices, None)
        scores, _ = protocol.score_pack(
            pack,
            generator,
            split,
            max_frames,
            seed,
            tools,
            families,
            progress=progress,
            transcripts=None if transcripts is None else Transcripts(transcripts),
            heard=heard,
        )
    return scores


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(HDF5)) == HDF5
