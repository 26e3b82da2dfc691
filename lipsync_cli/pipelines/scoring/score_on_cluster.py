"""What a scoring needs beside its options, and the clips of a pack scored one by one on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.quantities import parse_vtln
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.runtime.processes.workers import Run

if TYPE_CHECKING:
    from lipsync_cli.datasets.batch import Draw
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.scoring.protocols.clip_scores import ClipScores
    from lipsync_cli.scoring.protocols.pack_stage import Stage

WHAT_FOR = {  # a file that is named is wanted for these
    "inception": ("crop_fid",),
    "transcripts": ("words",),
    "syncnet": ("lse_d_25fps", "lse_c_25fps", "lse_offset_25fps", "lse_windows"),
}
TALKING_HEAD = "talking head"
NETWORKS = ("expert", "inception", "syncnet", "lip_reader")  # options that name a network's file


def find_wanted(config: ScoreConfig) -> list[str]:
    """Return the metrics and groups that are asked for, by option or by what is named for them."""
    wanted = [name.strip() for name in config.metrics.split(",") if name.strip()]
    return wanted + [
        name for option, names in WHAT_FOR.items() if getattr(config, option) is not None for name in names
    ]


def find_networks(config: ScoreConfig) -> dict[str, Path]:
    """Name the files of the networks that were named: of a run folder, its best weights."""
    from lipsync_cli.formats.weights import find_weights

    files = {name: getattr(config, name) for name in NETWORKS if getattr(config, name) is not None}
    for name in {"expert", "lip_reader"} & set(files):
        files[name] = find_weights(files[name])
    return files


def weights_for(pack: Pack, asked: Path | None) -> Path | None:
    """Return the weights that are asked for; without features in the pack, else those of the package that hear mels."""
    return Path("grid") if asked is None and pack.features is None else asked


def kind_of(weights: Path | None) -> str:
    """Say whether weights are a talking head's, or a generator's, or shall be.

    Raises
    ------
    InputError : there is no such file, or it holds no weights
    """
    from lipsync_cli import models
    from lipsync_cli.formats.weights import find_weights, read_header

    architecture = read_header(find_weights(weights)).architecture
    return TALKING_HEAD if architecture in models.architectures_of(TALKING_HEAD) else "generator"


def measure_elsewhere(config: ScoreConfig, do_tasks: Run, rows: list[int]) -> Iterator[tuple[int, ClipScores]]:
    """Give each clip of a pack, by its row, with its scores, in the order in which workers finish them.

    Parameters
    ----------
    do_tasks : of the cluster
    rows : of the pack's table

    Raises
    ------
    LipsyncError : a clip cannot be scored
    """
    from lipsync_cli.scoring.protocols.clip_scores import ClipScores

    for task, arrays, error in do_tasks(score_row, [_Row(config, row) for row in rows], 0):
        if error is not None:
            raise error
        yield task.row, ClipScores.from_arrays(arrays)


@dataclass(frozen=True)
class _Row:
    """One clip of a pack, for a worker."""

    config: ScoreConfig
    row: int


def score_row(task: _Row) -> dict[str, Any]:
    """Score one clip on a worker; return what `ClipScores.from_arrays` takes."""
    from lipsync_cli.scoring.protocols.pack_stage import score_clip

    stage, draw, families = _open(task.config)
    return score_clip(stage, task.row, draw, families).to_arrays()


@lru_cache(maxsize=1)
def _open(config: ScoreConfig) -> tuple[Stage, Draw, list[MetricGroup]]:
    """Open pack, weights and metrics, once a worker."""
    import torch

    from lipsync_cli.datasets.vocal_tract_normalisation import normalise_voices
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.formats.weights import load_weights
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.metrics.registry import find_metric_groups
    from lipsync_cli.scoring.protocols.pack_protocol import draw_frames, read_words
    from lipsync_cli.scoring.protocols.talking_head_protocol import open_stage
    from lipsync_cli.speech.transcript import Transcripts

    torch.set_num_threads(1)
    tools = MetricNetworks(resolve_device(config.device), find_networks(config))
    pack = Pack(config.sources[0])
    tools.mel_parameters = pack.mel_parameters
    weights = weights_for(pack, config.weights)
    generator, header = load_weights(weights, tools.device, kind_of(weights))
    heard, _ = normalise_voices(pack, config.split, header.known_voices, parse_vtln(config.vtln))
    table, draw = draw_frames(pack, config.split, config.max_frames, config.seed, heard, generator)
    words = None if config.transcripts is None else read_words(table, Transcripts(config.transcripts))
    stage = open_stage(pack, generator, table, tools, config.batch_size, words)
    return stage, draw, find_metric_groups(find_wanted(config), has_frames=False)
