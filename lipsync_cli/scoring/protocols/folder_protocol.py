"""One video or a folder of videos, beside the real ones or alone, to scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.metrics.baselines import COPY, FROZEN, OUTPUT
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync.words import describe_reader
from lipsync_cli.preprocessing.clip_jobs import ClipJob, journal
from lipsync_cli.preprocessing.find_clips import VIDEO, Clip, find_clips
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.processes.workers import Run, run_tasks
from lipsync_cli.runtime.temporary import temporary_folder
from lipsync_cli.scoring.protocols.clip_scores import ClipScores
from lipsync_cli.scoring.protocols.video_protocol import (
    NOTE_COPY,
    NOTE_FROZEN,
    NOTE_OTHER,
    PIECE_S,
    Film,
    measure_video,
)
from lipsync_cli.scoring.results.aggregate import collect
from lipsync_cli.scoring.results.scores import Scores

if TYPE_CHECKING:
    from lipsync_cli.errors import LipsyncError
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.scoring.protocols.video_protocol import Progress
    from lipsync_cli.speech.transcript import Transcripts


def score_video(
    output: Path,
    reference: Path | None = None,
    align: bool = False,
    wanted: Sequence[str] | None = None,
    tools: MetricNetworks | None = None,
    *,
    progress: Progress | None = None,
    transcript: Path | None = None,
    piece_s: float = PIECE_S,
) -> Scores:
    """Score a video, beside the real one it should look like or alone; see `video_protocol.measure_video`.

    Parameters
    ----------
    wanted : names of metrics and groups, as for `registry.find_families`
    transcript : a .align file that says which words are said when
    piece_s : longest piece that is scored at once
    """
    families = find_metric_groups(wanted)
    film = Film(output, reference, align=align, transcript=transcript)
    clip_scores = measure_video(film, families, tools or MetricNetworks(), progress=progress, piece_s=piece_s)
    facts = _describe_files(output, reference)
    return _make_scores(clip_scores, families, facts, reference is not None, "its own sound from half a clip away")


def find_films(
    outputs: Path,
    references: Path | None,
    align: bool,
    on_failure: Callable[[LipsyncError], None] | None = None,
    transcripts: Transcripts | None = None,
) -> list[tuple[Clip, Film]]:
    """Find the videos of a folder and the real one of each: the same path below its folder, or else the same name.

    Parameters
    ----------
    references : folder of the real videos; None: the videos are scored alone
    on_failure : told of videos without a real one
    transcripts : of the videos, found by the real one's folder and name, or the video's

    Raises
    ------
    NothingToDoError : no video, or none with a real one
    """
    clips = find_clips(outputs, (VIDEO,), on_failure)
    if references is None:
        pairs: list[tuple[Clip, Path | None, str]] = [(clip, None, clip.speaker) for clip in clips]
    else:
        if not references.is_dir():
            raise InputError("is no folder", references, "videos in a folder are compared with a folder of real ones")
        by_path: dict[str, Clip] = {}
        by_name: dict[str, list[Clip]] = {}
        for real in find_clips(references, (VIDEO,), on_failure):
            by_path[_stem(real)] = real
            by_name.setdefault(real.name, []).append(real)
        pairs = []
        for clip in clips:
            alike = by_name.get(clip.name, [])
            found = by_path.get(_stem(clip)) or (alike[0] if len(alike) == 1 else None)
            if found is not None:
                pairs.append((clip, found.path, found.speaker))
            elif on_failure is not None:
                on_failure(InputError(f"has no real video of its name in {references}", clip.path))
        if not pairs:
            raise NothingToDoError(f"none of the {len(clips)} videos has a real one of its name", references)
    find = transcripts.find if transcripts is not None else lambda speaker, name: None
    others = [clip.path for clip, _, _ in pairs[1:]] + [pairs[0][0].path] if len(pairs) > 1 else [None]
    return [
        (clip, Film(clip.path, real, other, align, speaker, find(speaker, clip.name)))
        for (clip, real, speaker), other in zip(pairs, others, strict=True)
    ]


def score_folder(
    outputs: Path,
    references: Path | None = None,
    align: bool = False,
    wanted: Sequence[str] | None = None,
    tools: MetricNetworks | None = None,
    *,
    kept_at: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    on_failure: Callable[[LipsyncError], None] | None = None,
    transcripts: Transcripts | None = None,
    run: Run = run_tasks,
    shard: Shard | None = None,
) -> Scores:
    """Score every video of a folder, beside the real ones of another or alone.

    Parameters
    ----------
    kept_at : output beside which finished videos are kept until all are done, so that the same command goes on after a
        kill; None: nothing is kept
    jobs : worker processes
    on_failure : told of every video that could not be scored
    transcripts : of the videos, for metrics that read lips
    run : does the work on the videos, called as `run_tasks` is
    shard : which part of the videos; they are kept at `kept_at` for a run of all
    """
    tools = tools or MetricNetworks()
    on_lack = on_failure if shard is None or shard.is_first else None
    films = find_films(outputs, references, align, on_lack, transcripts)
    if shard is not None and not shard.take(films):
        raise NothingToDoError(f"shard {shard} has none of its {len(films)} videos", outputs, "ask for fewer shards")
    given = [(film.output, film.reference, film.other, film.transcript) for _, film in films]
    named = [path for paths in given for path in paths if path is not None]
    parameters = {
        "films": {
            clip.file: [str(film.reference or ""), str(film.other or ""), film.speaker, str(film.transcript or "")]
            for clip, film in films
        },
        "states": _describe_states([*named, *tools.files.values()]),
        "align": align,
        "wanted": None if wanted is None else list(wanted),
        "device": tools.device,
        "files": {name: str(path) for name, path in sorted(tools.files.items())},
    }
    clip_scores: list[ClipScores] = []
    files = []
    of = {clip.file: film for clip, film in films}
    with ExitStack() as stack:
        if kept_at is None:
            kept_at = stack.enter_context(temporary_folder()) / "scores"
        clips = [clip for clip, _ in films]
        parts = stack.enter_context(
            journal(
                _score_job,
                clips,
                parameters,
                kept_at,
                jobs,
                force=True,
                progress=progress,
                on_failure=on_failure,
                label="score",
                run=run,
                shard=shard,
            )
        )
        for part in parts:
            try:
                found = _split(part.read_all())
            except (KeyError, ValueError, InputError) as error:
                raise part.damaged() from error
            if not found:
                continue
            clip_scores += found
            film = of[part.clip.file]
            files.append(_describe_files(film.output, film.reference))
    facts = {"output": str(outputs), **({"reference": str(references)} if references else {}), "files": files}
    sound = "the next video's sound" if len(films) > 1 else "its own sound from half a clip away"
    return _make_scores(clip_scores, find_metric_groups(wanted), facts, references is not None, sound)


def _describe_files(output: Path, reference: Path | None) -> dict[str, Any]:
    """Say which video was scored, and beside which, JSON-able."""
    about: dict[str, Any] = {"output": str(output), "output_sha256": hash_file(output)}
    if reference is not None:
        about |= {"reference": str(reference), "reference_sha256": hash_file(reference)}
    return about


def _make_scores(
    clip_scores: list[ClipScores],
    families: list[MetricGroup],
    facts: dict[str, Any],
    has_reference: bool,
    other_sound: str,
) -> Scores:
    is_moving = any(family.is_continuous for family in families)
    notes = [NOTE_COPY] if has_reference and not all(family.is_continuous for family in families) else []
    notes += [NOTE_FROZEN] if is_moving else []
    if any(family.hears for family in families):
        notes.append(NOTE_OTHER.format(whose="real" if has_reference else "same", sound=other_sound))
    for one in clip_scores:
        notes += [note for note in one.notes if note not in notes]
    used: dict[str, Any] = {}
    for one in clip_scores:
        used |= one.used
    notes += describe_reader(used)
    frames = max((len(numbers) for one in clip_scores for numbers, _ in one.frames.values()), default=0)
    if len(clip_scores) > 1:
        frames = sum(max((len(numbers) for numbers, _ in one.frames.values()), default=0) for one in clip_scores)
    facts = facts | {"frames": frames, "clips": len(clip_scores), "tools": used}
    return collect(clip_scores, families, ((OUTPUT, COPY), (OUTPUT, FROZEN)), facts, notes)


def _score_job(job: ClipJob) -> dict[str, np.ndarray]:
    """Score one video in a worker."""
    reference, other, speaker, transcript = job.parameters["films"][job.clip.file]
    film = Film(
        job.clip.path,
        Path(reference) if reference else None,
        Path(other) if other else None,
        job.parameters["align"],
        speaker,
        Path(transcript) if transcript else None,
    )
    families, tools = _prepare(json.dumps(job.parameters, sort_keys=True))
    arrays: dict[str, np.ndarray] = {}
    for place, clip_scores in enumerate(measure_video(film, families, tools)):
        arrays |= {f"{place}|{name}": array for name, array in clip_scores.to_arrays().items()}
    return arrays


@lru_cache(maxsize=1)
def _prepare(parameters: str) -> tuple[list[MetricGroup], MetricNetworks]:
    """Find families and networks once a worker."""
    given = json.loads(parameters)
    files = {name: Path(path) for name, path in given["files"].items()}
    return find_metric_groups(given["wanted"]), MetricNetworks(given["device"], files)


def _split(arrays: dict[str, np.ndarray]) -> list[ClipScores]:
    places: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        place, _, rest = name.partition("|")
        places.setdefault(int(place), {})[rest] = array
    return [ClipScores.from_arrays(places[place]) for place in sorted(places)]


def _stem(clip: Clip) -> str:
    return clip.file.rpartition(".")[0]


def _describe_states(paths: list[Path]) -> list[list[Any]]:
    states: list[list[Any]] = []
    for path in sorted(set(paths)):
        try:
            state = path.stat()
        except OSError:
            states.append([str(path)])
            continue
        states.append([str(path), state.st_size, state.st_mtime_ns])
    return states
