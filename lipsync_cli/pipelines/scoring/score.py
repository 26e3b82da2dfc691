"""How good generated faces are, beside baselines: everything that `lipsync score` does with a pack or with videos.

Examples
--------
config = make(ScoreConfig, sources=["out.mp4"], reference="real.mp4")
result = run(config)
result.scores
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.config.build import check_values
from lipsync_cli.config.quantities import parse_vtln
from lipsync_cli.config.shard import find_shard
from lipsync_cli.errors import InputError, LipsyncError, UsageError
from lipsync_cli.pipelines.callbacks import OnFailure, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.score import STDOUT, ScoreConfig
from lipsync_cli.pipelines.machine.resources import resolve_device, resolve_jobs
from lipsync_cli.pipelines.scoring.score_on_cluster import (
    TALKING_HEAD,
    find_networks,
    find_wanted,
    kind_of,
    measure_elsewhere,
    weights_for,
)
from lipsync_cli.pipelines.scoring.score_outputs import check_outputs, find_kept, is_lines
from lipsync_cli.runtime.processes.dask_cluster import open_runner
from lipsync_cli.runtime.processes.workers import Run, run_tasks

if TYPE_CHECKING:
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.scoring.report.sample_sheet import Sheet
    from lipsync_cli.scoring.results.scores import Scores
    from lipsync_cli.speech.transcript import Transcripts

MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class ScoreResult:
    """What was measured.

    Attributes
    ----------
    scores : every figure
    heading : what they are of, in words
    sheet : sample pictures, of a pack whose scores go into a folder
    count : how many inputs were scored
    failed : how many failed
    """

    scores: Scores
    heading: str
    sheet: Sheet | None = None
    count: int = 1
    failed: int = 0


@keeps_inputs
def run(
    config: ScoreConfig, command: str = "", *, progress: Progress | None = None, on_failure: OnFailure = ignore
) -> ScoreResult:
    """Score a pack, a video, or a folder of videos; nothing is written but what a later run goes on with.

    Parameters
    ----------
    command : that led here, for the record
    progress : told how many frames are done
    on_failure : told of each video that fails; the others are scored

    Raises
    ------
    LipsyncError : the options make no sense, an input cannot be read or does not fit, or there is nothing to score
    """
    job = _Job(config, progress, on_failure)
    with open_runner(config.cluster) as job.do_tasks:
        result = job.score()
    result.scores.facts.update(version=__version__, command=command)
    return result


@keeps_inputs
def plan(config: ScoreConfig, *, on_failure: OnFailure = ignore) -> dict[str, Any]:
    """Look at the inputs and say what `run` would score, JSON-able; nothing is written."""
    return _Job(config, None, on_failure).plan()


class _Job:
    """One call of `run`: the options, checked, and what they stand for."""

    def __init__(self, config: ScoreConfig, progress: Progress | None, on_failure: OnFailure) -> None:
        check_values(config)
        if len(config.sources) > 1:
            raise UsageError("one SOURCE is scored at a time", hint="score each with -o, then give the .jsonl files")
        from lipsync_cli.metrics.networks import MetricNetworks
        from lipsync_cli.metrics.registry import find_metric_groups
        from lipsync_cli.speech.transcript import Transcripts

        self.config, self.progress, self._on_failure = config, progress, on_failure
        self.do_tasks: Run = run_tasks
        self.failed = 0
        self.source = source = config.sources[0]
        check_outputs(config)
        self.vtln = parse_vtln(config.vtln)
        self.wanted = find_wanted(config)
        find_metric_groups(self.wanted)  # a wrong name is refused before anything is read
        self.is_film = config.reference is not None or source.is_dir() or not is_pack(source)
        if self.is_film and config.weights is not None:
            raise UsageError("--weights are for a pack", hint="a video is scored as it is")
        if self.is_film and self.vtln is not None:
            raise UsageError("--vtln is for the weights that speak a pack", hint="a video is scored as it is")
        self.tools: MetricNetworks = MetricNetworks(resolve_device(config.device), find_networks(config))
        self.tools.check()
        is_single = self.is_film and not source.is_dir()
        spoken = None if is_single else config.transcripts
        self.spoken: Transcripts | None = None if spoken is None else Transcripts(spoken)
        self.shard = find_shard(config.shard)
        if is_single and self.shard is not None:
            raise UsageError("--shard is for a pack or a folder of videos", hint="one video is scored as a whole")
        if is_single and config.cluster is not None:
            raise UsageError("--cluster is for a pack or a folder of videos", hint="one video is scored as a whole")
        self.kept_at = find_kept(config.output)

    def on_failure(self, error: LipsyncError) -> None:
        self.failed += 1
        self._on_failure(error)

    def score(self) -> ScoreResult:
        if not self.is_film:
            return self._score_pack()
        return self._score_folder() if self.source.is_dir() else self._score_video()

    def plan(self) -> dict[str, Any]:
        config, source = self.config, self.source
        compared = {"output": str(source), "reference": str(config.reference or "")}
        if not self.is_film:
            from lipsync_cli.formats import compatibility
            from lipsync_cli.formats.pack_file import Pack
            from lipsync_cli.formats.weights import check_kind, find_weights, read_header
            from lipsync_cli.scoring.protocols import pack_protocol

            with Pack(source, resolve_jobs(config.jobs)) as pack:
                found = find_weights(weights_for(pack, config.weights))
                header = read_header(found)
                check_kind(header, found, kind_of(found))
                compatibility.check_fits(pack, header, config.weights or header.name)
                return pack_protocol.plan_pack(pack, config.split, config.max_frames, config.seed)
        if source.is_dir():
            from lipsync_cli.scoring.protocols.folder_protocol import find_films

            films = find_films(source, config.reference, config.align, self.on_failure, self.spoken)
            return {**compared, "videos": len(films)}
        from lipsync_cli.scoring.protocols.pairing import pair_videos
        from lipsync_cli.speech.transcript import find_transcript

        find_transcript(config.transcripts, source)
        pair_videos(source, self._reference_video(), config.align)
        return compared

    def _score_folder(self) -> ScoreResult:
        from lipsync_cli.scoring.protocols.folder_protocol import score_folder

        config = self.config
        scores = score_folder(
            self.source,
            config.reference,
            config.align,
            self.wanted,
            self.tools,
            kept_at=self.kept_at,
            jobs=resolve_jobs(config.jobs),
            progress=self.progress,
            on_failure=self.on_failure,
            transcripts=self.spoken,
            shard=self.shard,
            run=self.do_tasks,
        )
        return ScoreResult(scores, self._compared(), None, len(scores.facts["files"]), self.failed)

    def _score_video(self) -> ScoreResult:
        from lipsync_cli.scoring.protocols.folder_protocol import score_video
        from lipsync_cli.speech.transcript import find_transcript

        config, reference = self.config, self._reference_video()
        transcript = find_transcript(config.transcripts, self.source)
        asked = self.source, reference, config.align, self.wanted, self.tools
        scores = score_video(*asked, progress=self.progress, transcript=transcript)
        return ScoreResult(scores, self._compared())

    def _score_pack(self) -> ScoreResult:
        from lipsync_cli.datasets.vocal_tract_normalisation import normalise_voices
        from lipsync_cli.formats import compatibility
        from lipsync_cli.formats.pack_file import Pack
        from lipsync_cli.formats.weights import load_weights
        from lipsync_cli.metrics.registry import find_metric_groups
        from lipsync_cli.scoring.protocols import pack_protocol
        from lipsync_cli.scoring.report.sample_sheet import draw_sheet
        from lipsync_cli.scoring.results.checkpoint import open_checkpoint

        config, tools, sheet = self.config, self.tools, None
        with Pack(self.source, resolve_jobs(config.jobs)) as pack:
            weights = weights_for(pack, config.weights)
            generator, header = load_weights(weights, tools.device, kind := kind_of(weights))
            compatibility.check_fits(pack, header, config.weights or header.name)
            heard, factors = normalise_voices(pack, config.split, header.known_voices, self.vtln)
            key = self._key(pack, header.sha256)
            with open_checkpoint(self.kept_at, key, is_shard=self.shard is not None) as kept:
                scores, draw = pack_protocol.score_pack(
                    pack,
                    generator,
                    config.split,
                    max_frames=config.max_frames,
                    seed=config.seed,
                    tools=tools,
                    families=find_metric_groups(self.wanted, has_frames=False),
                    batch_size=config.batch_size,
                    kept=kept,
                    progress=self.progress,
                    transcripts=self.spoken,
                    heard=heard,
                    shard=self.shard,
                    measure=None if config.cluster is None else partial(measure_elsewhere, config, self.do_tasks),
                )
            scores.facts["vtln"] = {"asked": self.vtln, "factors": factors}
            about = pack_protocol.describe_weights(header, generator)
            scores.facts["weights"] = about | {"file": None if weights is None else str(weights)}
            is_folder = config.output is not None and not is_lines(config.output) and self.shard is None
            if is_folder and kind != TALKING_HEAD:
                sheet = draw_sheet(pack, generator, config.split, draw, device=tools.device, heard=heard)
        what = f"{header.architecture} weights {header.name} after {header.samples_seen:,} samples"
        heading = f"{what} on the {config.split} clips of {self.source.name}"
        return ScoreResult(scores, heading, sheet, 1 if self.shard is None else len(scores.clip_names))

    def _key(self, pack: Pack, weights_sha256: str) -> list[Any]:
        """Return what the figures of finished clips depend on."""
        config = self.config
        files = {name: [str(path), path.stat().st_mtime_ns] for name, path in self.tools.files.items()}
        key: list[Any] = [pack.fingerprint, weights_sha256, config.split, config.max_frames, config.seed]
        key += [sorted(self.wanted), files, self.vtln]
        return key + ([self.spoken.fingerprint()] if self.spoken is not None else [])

    def _reference_video(self) -> Path | None:
        reference = self.config.reference
        if reference is not None and reference.is_dir():
            raise InputError("is a folder", reference, "a video is compared with a video")
        return reference

    def _compared(self) -> str:
        reference = self.config.reference
        return f"{self.source.name} against {reference.name}" if reference is not None else self.source.name


@keeps_inputs
def write_output(config: ScoreConfig, result: ScoreResult, table: str) -> None:
    """Write the folder or the file that the options name, whole or not at all.

    Parameters
    ----------
    table : the figures as text, from `make_table`
    """
    from lipsync_cli.scoring.report.result_folder import write_folder, write_text
    from lipsync_cli.scoring.report.text_table import make_lines, make_records

    output = config.output
    if output is None or output == STDOUT:
        return
    if is_lines(output):
        write_text(output, make_lines(make_records(result.scores)), config.force)
    else:
        write_folder(output, result.scores, table, result.heading, result.sheet, config.force)


def is_pack(source: Path) -> bool:
    """Tell whether a file is what `lipsync pack` wrote, or another HDF5 file."""
    from lipsync_cli.media.ffmpeg import check_file

    check_file(source)
    with open(source, "rb") as file:
        return file.read(8) == MAGIC
