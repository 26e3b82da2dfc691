"""How well a speech encoder tells the mouth: correlation over time of what is read off it with the real mouths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lipsync_cli.faces.mouth_shapes import SHAPES
from lipsync_cli.training.evaluators.evaluator import GeneratorEvaluator
from lipsync_cli.training.sequences import SequenceTable, at_places

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.training.embedding_mouth_map import MouthReadout
    from lipsync_cli.training.engine.batch_source import Source

LENGTH = 30  # frames of a sequence
MAX_CLIPS = 60  # of each speaker
STILL = 0.05  # standard deviations: a mouth that moves less in a sequence tells nothing


class EmbeddingEvaluator:
    """Speech encoders: correlation with the real mouth over sequences of held-out clips, speakers alike.

    Beside it stands what the sound of another clip gives: the chance level.
    """

    def __init__(self, source: Source, held_out: Source | None, readout: MouthReadout) -> None:
        self.sheets = GeneratorEvaluator(source, held_out)
        self.held_out, self.readout = held_out, readout
        self.table = None if held_out is None else self._make_table(held_out)

    def measure(self, network: Any) -> dict[str, Any]:
        """Compute mean correlations over speakers: of each shape, and of the opening with mismatched sound."""
        if self.table is None or self.held_out is None:
            return {}
        found: dict[str, list[list[float]]] = {}
        for speaker in np.unique(self.table.speakers):
            for name, value in self._measure(network, np.flatnonzero(self.table.speakers == speaker)):
                found.setdefault(f"{speaker}/{name}", []).append([value])
        means = {name: float(np.mean(values)) for name, values in found.items()}
        figures: dict[str, Any] = {"split": self.held_out.split}
        for name in (*SHAPES, "amplitude", "mismatched"):
            per_speaker = [value for key, value in means.items() if key.endswith("/" + name)]
            figures[f"mouth/{name}"] = round(float(np.mean(per_speaker)), 4) if per_speaker else 0.0
        for key, value in means.items():
            if key.endswith("/opening"):
                figures[f"mouth/of_{key.removesuffix('/opening')}"] = round(value, 4)
        return figures

    def _measure(self, network: Any, clips: np.ndarray) -> list[tuple[str, float]]:
        """Give named figures of one speaker's clips, clip by clip."""
        assert self.table is not None
        clips = clips[np.unique(np.linspace(0, len(clips) - 1, min(MAX_CLIPS, len(clips))).astype(int))]
        starts = np.array([(len(self.table.frames[clip]) - self.table.length) // 2 for clip in clips])
        told, real = self._read(network, clips, starts), self.table.shape[self.table.numbers(clips, starts)]
        figures = []
        for index in range(len(clips)):
            other = told[(index + 1) % len(clips), :, 0]
            for shape, name in enumerate(SHAPES):
                figures += [(name, value) for value in _correlate(told[index, :, shape], real[index, :, shape])]
            if len(clips) > 1:
                figures += [("mismatched", value) for value in _correlate(other, real[index, :, 0])]
            if np.isfinite(real[index]).all() and real[index, :, 0].std() > STILL:
                figures.append(("amplitude", float(told[index, :, 0].std() / real[index, :, 0].std())))
        return figures

    def _make_table(self, held_out: Source) -> SequenceTable:
        return SequenceTable(held_out, LENGTH)

    def _read(self, network: Any, clips: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Give the shapes (n, L, 3) that are read off the embeddings of sequences."""
        assert self.held_out is not None
        with torch.inference_mode():
            embedded = self._embed(network, clips, starts)
            values: np.ndarray = self.readout.to(embedded).read(embedded).cpu().numpy()
        return values

    def _embed(self, network: Any, clips: np.ndarray, starts: np.ndarray) -> torch.Tensor:
        """Embed sequences: shape (n, L, D)."""
        assert self.held_out is not None
        assert self.table is not None
        features, place = (torch.from_numpy(array).to(self.held_out.device) for array in self.table.cut(clips, starts))
        return at_places(network.audio_encoder.embed_sequence(features), place)

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the correlation of the opening."""
        return float(figures["mouth/opening"])

    def describe(self, figures: dict[str, Any]) -> str:
        """Name the correlations, beside that of mismatched sound."""
        shapes = ", ".join(f"{name} {figures[f'mouth/{name}']:.3f}" for name in SHAPES)
        return (
            f"correlation with the mouth: {shapes} (opening with mismatched sound {figures['mouth/mismatched']:.3f}); "
            f"amplitude {figures['mouth/amplitude']:.2f}"
        )

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make a table of the correlations, speaker by speaker."""
        table = [f"Sequences of the split `{figures['split']}`:", "", "| | correlation |", "|---|---|"]
        table += [
            f"| {name.removeprefix('mouth/')} | {figures[name]:.3f} |" for name in figures if name.startswith("mouth/")
        ]
        return table

    def show(self, network: nn.Module, path: Path) -> None:
        """Draw the sheet of a generator."""
        self.sheets.show(network, path)


def _correlate(one: np.ndarray, other: np.ndarray) -> list[float]:
    """Return the correlation of two series, or nothing where there is none."""
    seen = np.isfinite(other)
    if seen.sum() < LENGTH // 2 or min(one[seen].std(), other[seen].std()) < STILL:
        return []
    return [float(np.corrcoef(one[seen], other[seen])[0, 1])]
