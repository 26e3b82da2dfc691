"""`score`: how good generated faces are, beside baselines."""

from __future__ import annotations

from collections.abc import Sequence

from lipsync_cli.api.arguments import (
    OnFailure,
    PathOrText,
    Progress,
    as_path,
    as_path_or_none,
    collect_failures,
)
from lipsync_cli.api.results import ScoreResult


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
    from lipsync_cli.config.build import make
    from lipsync_cli.pipelines.configs.score import ScoreConfig
    from lipsync_cli.pipelines.scoring.score import run

    failures, fail = collect_failures(on_failure)
    config = make(
        ScoreConfig,
        sources=[as_path(source)],
        reference=as_path_or_none(reference),
        weights=as_path_or_none(weights),
        metrics=metrics if isinstance(metrics, str) else ",".join(metrics),
        transcripts=as_path_or_none(transcripts),
        align=align,
        split=split,
        max_frames=max_frames,
        device=device,
        jobs=jobs,
        seed=seed,
    )
    return ScoreResult(run(config, progress=progress, on_failure=fail).scores, tuple(failures))
