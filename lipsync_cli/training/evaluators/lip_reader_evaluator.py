"""How a lip reader is doing: words read right, slot by slot, and which it takes for which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.datasets.word_clips import SpokenTable
from lipsync_cli.models.lip_reader import SLOT_OF, SLOTS, VOCABULARY, log_shares, mouth_of
from lipsync_cli.runtime.atomic_files import atomic_output

if TYPE_CHECKING:
    from lipsync_cli.speech.transcript import Transcripts
    from lipsync_cli.training.engine.batch_source import Source

_TOGETHER = 8  # clips
_PREFIX = "words/"


class ReaderEvaluator:
    """Lip readers: share of words read right on the held-out clips, beside the chance level."""

    def __init__(self, source: Source, held_out: Source | None, transcripts: Transcripts) -> None:
        self.source = held_out or source
        self.held_out = held_out
        self.table = SpokenTable(self.source.table, self.source.middles, transcripts)

    def measure(self, network: Any) -> dict[str, Any]:
        """Compute the accuracy of all words and of each slot."""
        if self.held_out is None:
            return {}
        said, read = self._read(network)
        return {"split": self.source.split, "words/clips": len(self.table.rows), **measure_accuracy(said, read)}

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the share of words read right."""
        return figures[_PREFIX + "accuracy"]

    def describe(self, figures: dict[str, Any]) -> str:
        """Name the share of words and of letters read right, each beside its chance level."""
        words, letters = (100 * figures[_PREFIX + name] for name in ("accuracy", "letter"))
        chance, letter = (100 * chance_level_of(slot) for slot in (None, "letter"))
        return f"words {words:.1f} % (chance {chance:.0f}), letters {letters:.1f} % (chance {letter:.0f})"

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the figures."""
        table = [f"Words read right on {figures[_PREFIX + 'clips']} clips of the split `{figures['split']}`:", ""]
        table += ["| | % | chance |", "|---|---|---|"]
        for title, name, slot in (("all", "accuracy", None), *((slot, slot, slot) for slot in SLOTS)):
            table.append(f"| {title} | {100 * figures[_PREFIX + name]:.1f} | {100 * chance_level_of(slot):.1f} |")
        return table

    def show(self, network: Any, path: Path) -> None:
        """Draw which word is taken for which."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        counts = np.zeros((len(VOCABULARY), len(VOCABULARY)))
        np.add.at(counts, self._read(network), 1)
        figure = Figure((9, 9), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.imshow(counts / counts.sum(1, keepdims=True).clip(min=1), cmap="Greys", vmin=0, vmax=1)
        axes.set_xticks(range(len(VOCABULARY)), VOCABULARY, rotation=90, fontsize=7)
        axes.set_yticks(range(len(VOCABULARY)), VOCABULARY, fontsize=7)
        axes.set_xlabel("read")
        axes.set_ylabel("said")
        with atomic_output(path, force=True) as temporary:
            figure.savefig(temporary, format="png")

    def _read(self, network: Any) -> tuple[np.ndarray, np.ndarray]:
        """Read every clip: the words said and the words read, each of shape (clips * 6,)."""
        import torch

        said, read = [], []
        for first in range(0, len(self.table.rows), _TOGETHER):
            batch = self.table.gather(self.source.crops, self.table.rows[first : first + _TOGETHER], self.source.device)
            rows, columns = mouth_of(batch.faces.shape[-1])
            with torch.inference_mode():
                shares = log_shares(network(batch.faces[:, :, rows, columns], batch.spans), batch.words)
            said.append(batch.words.flatten().cpu().numpy())
            read.append(shares.argmax(-1).flatten().cpu().numpy())
        return np.concatenate(said), np.concatenate(read)


def measure_accuracy(said: np.ndarray, read: np.ndarray) -> dict[str, float]:
    """Compute the share of words read right, of all ("words/accuracy") and of each slot ("words/letter", ...).

    Parameters
    ----------
    said, read : shape (n,), places in `VOCABULARY`
    """
    right, slot = said == read, np.array(SLOT_OF)[said]
    figures = {_PREFIX + "accuracy": round(float(right.mean()), 4)}
    for number, name in enumerate(SLOTS):
        if (slot == number).any():
            figures[_PREFIX + name] = round(float(right[slot == number].mean()), 4)
    return figures


def chance_level_of(slot: str | None = None) -> float:
    """Give the share of words that guessing reads right: in one slot, or in a sentence."""
    if slot is not None:
        return 1 / len(SLOTS[slot])
    return sum(1 / len(words) for words in SLOTS.values()) / len(SLOTS)
