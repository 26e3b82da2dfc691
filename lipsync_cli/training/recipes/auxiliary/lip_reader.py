"""A lip reader that tells how well a generated mouth can be read: learned on real faces and their transcripts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from lipsync_cli.datasets.transforms.augmentation import augment_utterances
from lipsync_cli.datasets.word_clips import WORDS, SpokenTable, Utterances
from lipsync_cli.errors import UsageError
from lipsync_cli.models import architectures_of
from lipsync_cli.models.lip_reader import SLOTS, log_shares
from lipsync_cli.training.evaluators.lip_reader_evaluator import ReaderEvaluator
from lipsync_cli.training.recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.recipes.context import RecipeContext

SMOOTHING = 0.1  # of the labels, over the words of the slot
JITTER = 1.0  # frames by which a word's ends are moved at most
_CHANCE_LEVEL = sum(math.log(len(words)) for words in SLOTS.values()) / len(SLOTS)


class LipReaderRecipe(BaseRecipe):
    """Name the word of each span among those of its place in the sentence: cross-entropy with smoothed labels.

    A sample is a word; a batch holds whole sentences of six. Labels are smoothed as by Szegedy et al. 2016, and the
    ends of the words moved by up to a frame, because transcripts are not exact.
    """

    name = "lip-reader"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "lip-reader",
        "batch_size": 8 * WORDS,
        "targets_per_reference": WORDS,
        "max_samples": 120_000,
        "beta1": 0.9,
        "weight_decay": 0.02,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "ema_samples": 6000,
        "validate_every": 12_000,
        "checkpoint_every": 6000,
        "sheet_every": 60_000,
    }
    architectures = architectures_of("lip reader")
    needs = frozenset({"transcripts"})

    def __init__(self, context: RecipeContext) -> None:
        assert context.transcripts is not None
        self.config, self.transcripts = context.config, context.transcripts
        self._table: SpokenTable | None = None

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError unless batches hold whole sentences."""
        if config.targets_per_reference != WORDS:
            raise UsageError("a sentence of GRID has six words", hint="leave out --targets-per-reference")

    @property
    def chance_levels(self) -> dict[str, float]:
        """Of one who guesses among the words of each place."""
        return {"words/choice": _CHANCE_LEVEL}

    def batch(self, source: Source, step: int) -> Utterances:
        """Give the sentences of several clips, the faces of each transformed alike."""
        config = self.config
        if self._table is None:
            self._table = SpokenTable(source.table, source.middles, self.transcripts)
        rows = self._table.draw(config.batch_size // WORDS, config.seed, step)
        batch = self._table.gather(source.crops, rows, source.device)
        share = config.augment_share if config.augment else 0.0
        batch = augment_utterances(batch, config.seed, step, share, source.transforms)
        moved = np.random.default_rng([config.seed, step, 3]).uniform(-JITTER, JITTER, batch.spans.shape)
        spans = batch.spans + torch.from_numpy(moved).to(batch.spans)
        return batch._replace(spans=torch.stack([spans.amin(-1), spans.amax(-1)], -1))

    def forward(self, network: Any, batch: Utterances) -> Tensor:
        """Read: shape (C, 6, 51)."""
        return network(batch.faces, batch.spans)

    def network_loss(self, batch: Utterances, output: Tensor) -> dict[str, Tensor]:
        """Give the named terms of the reader's loss."""
        return {"words/choice": choose_words(output, batch.words)}

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate by the share of words read right."""
        return ReaderEvaluator(source, held_out, self.transcripts)


def choose_words(logits: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy of the right words among those of their slots, with smoothed labels: a number.

    Parameters
    ----------
    logits : shape (..., 51)
    words : shape (...), places in `VOCABULARY`
    """
    shares = log_shares(logits, words)
    is_in = shares.isfinite()
    right = shares.gather(-1, words[..., None])[..., 0]
    even = shares.masked_fill(~is_in, 0.0).sum(-1) / is_in.sum(-1)
    return -((1 - SMOOTHING) * right + SMOOTHING * even).mean()
