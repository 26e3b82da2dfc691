"""How well a network that is told the sounds of a text tells the mouth: correlation over time with the real mouths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.training.evaluators.speech_encoder_evaluator import EmbeddingEvaluator
from lipsync_cli.training.phone_sequences import PhoneSequences
from lipsync_cli.training.sequences import SequenceTable, at_places

if TYPE_CHECKING:
    import torch

    from lipsync_cli.speech.transcript import Transcripts
    from lipsync_cli.training.embedding_mouth_map import MouthReadout
    from lipsync_cli.training.engine.batch_source import Source

SHOWN = 6  # clips


class PhoneEvaluator(EmbeddingEvaluator):
    """Phone encoders: as `EmbeddingEvaluator`, of the embeddings that a generator makes of their features.

    Parameters
    ----------
    teacher : the generator's speech encoder
    transcripts : of the held-out clips
    """

    def __init__(
        self, source: Source, held_out: Source | None, readout: MouthReadout, teacher: Any, transcripts: Transcripts
    ) -> None:
        self._teacher, self._transcripts = teacher, transcripts
        super().__init__(source, held_out, readout)

    def _make_table(self, held_out: Source) -> SequenceTable:
        self._sequences = PhoneSequences(held_out, self._transcripts)
        return self._sequences.table

    def _embed(self, network: Any, clips: np.ndarray, starts: np.ndarray) -> torch.Tensor:
        import torch

        assert self.held_out is not None
        described, place = self._sequences.cut(clips, starts, network.margin)
        features = network(torch.from_numpy(described).to(self.held_out.device))
        return at_places(self._teacher.embed_sequence(features), torch.from_numpy(place).to(self.held_out.device))

    def show(self, network: Any, path: Path) -> None:
        """Draw how far mouths of some clips are open over time, and what is told of them."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure((9, 9), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        if self.table is not None:
            clips = np.unique(np.linspace(0, len(self.table.rows) - 1, min(SHOWN, len(self.table.rows))).astype(int))
            starts = np.zeros(len(clips), np.int64)
            told, real = self._read(network, clips, starts), self.table.shape[self.table.numbers(clips, starts)]
            for place, (axes, clip) in enumerate(
                zip(np.ravel(figure.subplots(len(clips), 1, squeeze=False)), clips, strict=True)
            ):
                axes.plot(real[place, :, 0], "k", label="the real mouth")
                axes.plot(told[place, :, 0], "r", label="from the words")
                axes.set_title("/".join(self.table.names[clip]), fontsize=8)
                axes.legend(fontsize=7)
        with atomic_output(path, force=True) as temporary:
            figure.savefig(temporary, format="png")
