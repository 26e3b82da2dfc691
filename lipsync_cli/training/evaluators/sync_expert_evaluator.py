"""How a sync expert is doing: right or wrong of pairs, shifted clips, and the curves they are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.datasets.sync_windows import WindowTable
from lipsync_cli.metrics.sync_embeddings import (
    MAX_SHIFT,
    Embeddings,
    draw_pairs,
    embed,
    evaluate_offsets,
    evaluate_pairs,
    find_offset,
)
from lipsync_cli.runtime.atomic_files import atomic_output

if TYPE_CHECKING:
    from lipsync_cli.training.engine.batch_source import Source

MAX_CLIPS = 64  # held-out clips that a validation looks at, spread over all
NUM_PAIRS = 1000
SHOWN = 10  # clips in a figure
_PREFIX = "sync/"


class ExpertEvaluator:
    """Sync experts: accuracy on 1000 pairs and on clips shifted by -10 ... 10 frames, with the chance level."""

    def __init__(self, source: Source, held_out: Source | None) -> None:
        self.source = held_out or source
        self.held_out = held_out
        table = WindowTable(self.source.table)
        keep = np.linspace(0, len(table.rows) - 1, min(MAX_CLIPS, len(table.rows))).astype(int)
        table.rows = [table.rows[index] for index in keep]
        self.table = table
        self.pairs = draw_pairs(table, NUM_PAIRS)

    def measure(self, network: Any) -> dict[str, Any]:
        """Compute pair and offset accuracy on the held-out clips, see `metrics.sync_embeddings`."""
        if self.held_out is None:
            return {}
        clips = self._embed(network, self.table.rows)
        figures = {**self._measure_pairs(network, clips), **evaluate_offsets(clips)}
        return {"split": self.source.split, **{_PREFIX + name: value for name, value in figures.items()}}

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the mean of pair and offset accuracy."""
        return (figures[_PREFIX + "pair_accuracy"] + figures.get(_PREFIX + "offset_accuracy", 0.0)) / 2

    def describe(self, figures: dict[str, Any]) -> str:
        """Name both accuracies, each beside its chance level."""
        pairs = f"pair accuracy {100 * figures[_PREFIX + 'pair_accuracy']:.1f} % (chance 50)"
        if (share := figures.get(_PREFIX + "offset_accuracy")) is None:
            return pairs
        return f"{pairs}, offset within 1 frame {100 * share:.1f} % (chance {300 / (2 * MAX_SHIFT + 1):.0f})"

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the figures."""
        titles = {
            "pair_accuracy": "pairs classified right",
            "right_accepted": "right sound accepted",
            "shifted_refused": "same clip, 6 or more frames away: refused",
            "other_refused": "other clip: refused",
            "shifted_ranked": "right sound nearer than one of the same clip",
            "other_ranked": "right sound nearer than one of another clip",
            "offset_accuracy": "shift of -10 ... 10 frames found within 1 frame",
            "offset_exact": "shift found exactly",
        }
        table = [f"Shares on clips of the split `{figures['split']}`:", "", "| | % |", "|---|---|"]
        for name, title in titles.items():
            if (share := figures.get(_PREFIX + name)) is not None:
                table.append(f"| {title} | {100 * share:.1f} |")
        return table

    def show(self, network: Any, path: Path) -> None:
        """Draw the distance of pictures and sound as a function of the shift between them, one line a clip."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rows = self.table.rows
        rows = [rows[index] for index in np.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).astype(int)]
        figure = Figure((7, 4.5), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        names = self.source.table.clip_name
        for row, clip in zip(rows, self._embed(network, rows), strict=True):
            if len(clip.place) <= MAX_SHIFT:
                continue
            sync = find_offset(clip)
            axes.plot(np.arange(-MAX_SHIFT, MAX_SHIFT + 1), sync.curve, label=f"{names[row]}: {sync.offset:+d}")
        axes.axvline(0, color="grey", linewidth=0.8)
        axes.set_xlabel("sound early by (frames)")
        axes.set_ylabel("mean distance of face and speech")
        if axes.lines[1:]:
            axes.legend(fontsize=7, ncols=2, loc="lower right")
        with atomic_output(path, force=True) as temporary:
            figure.savefig(temporary, format="png")

    def _embed(self, network: Any, rows: list[int]) -> list[Embeddings]:
        source = self.source
        return [embed(network, source.crops, source.table, self.table.middles[row], source.device) for row in rows]

    def _measure_pairs(self, network: Any, clips: list[Embeddings]) -> dict[str, float]:
        place = np.concatenate([clip.place for clip in clips])
        faces, speech = (np.concatenate([getattr(clip, part) for clip in clips]) for part in ("faces", "speech"))
        face, sound = (np.searchsorted(place, frames) for frames in (self.pairs.face, self.pairs.speech))
        distance = np.sqrt(np.square(faces[face] - speech[sound]).sum(1))
        return evaluate_pairs(self.pairs, distance, network.limit())
