"""The sync expert that the class report wished for: learned before any generator, on real faces only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from lipsync_cli.datasets.frame_table import MIN_GAP
from lipsync_cli.datasets.sync_windows import WindowTable, gather_windows
from lipsync_cli.datasets.transforms.augmentation import augment_windows
from lipsync_cli.models import architectures_of
from lipsync_cli.training.evaluators.sync_expert_evaluator import ExpertEvaluator
from lipsync_cli.training.losses.loss_functions import choose_among
from lipsync_cli.training.recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.sync_windows import Windows
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.recipes.context import RecipeContext

AMBIGUOUS = 1  # frames: sounds this near to the right one are neither right nor wrong
STEEPNESS = 20.0  # with which errors are counted, so that their number has a gradient


class SyncOutput(NamedTuple):
    """Each face against each sound.

    Attributes
    ----------
    cosine : shape (B, B), of the embeddings
    log_temperature, scale, threshold : numbers, see `models.sync_expert.SyncExpert`
    """

    cosine: Tensor
    log_temperature: Tensor
    scale: Tensor
    threshold: Tensor


class SyncExpertRecipe(BaseRecipe):
    """Find the right sound among those of the batch, and say of each pair whether it is in sync.

    A batch holds several windows of each of several clips (`targets_per_reference` of each), so that every face is set
    against sounds of its own clip at other times, which are the hard negatives, and of other clips. The first term is
    InfoNCE, the second Wav2Lip's cosine cross-entropy (Prajwal et al. 2020) with a learned scale and threshold, in
    which right pairs, pairs of the same clip and pairs of other clips weigh 2 : 1 : 1. Scale and threshold do not shape
    the embeddings: they are fitted to the untransformed windows of a batch (where there are any), because transformed
    faces and voices lie further apart than real ones. The threshold goes where fewest verdicts are wrong; the
    cross-entropy would let the silent moments, which fit each other, pull it away from there.
    """

    name = "sync-expert"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "expert",
        "targets_per_reference": 16,
        "beta1": 0.9,
        "clip_norm": 1.0,
    }
    architectures = architectures_of("sync expert")

    def __init__(self, context: RecipeContext) -> None:
        self.config = context.config
        self._table: WindowTable | None = None

    @property
    def chance_levels(self) -> dict[str, float]:
        """Of one who knows nothing: each sound of the batch as likely, each pair right or wrong."""
        return {
            "expert/choice": math.log(self.config.batch_size),
            "expert/sync": math.log(2),
            "expert/calibration": math.log(2),
            "expert/errors": 0.5,
        }

    def batch(self, source: Source, step: int) -> Windows:
        """Give windows of several clips, the faces of each clip transformed alike."""
        config, per_clip = self.config, self.config.targets_per_reference
        if self._table is None:
            self._table = WindowTable(source.table)
        clips = config.batch_size // per_clip
        middles = self._table.draw(clips, per_clip, config.speaker_temperature, config.seed, step)
        windows = gather_windows(source.crops, source.table, middles, source.device)
        share = config.augment_share if config.augment else 0.0
        return augment_windows(windows, config.seed, step, share, source.transforms)

    def forward(self, network: Any, batch: Windows) -> SyncOutput:
        """Compare each face with each sound."""
        faces, speech = network(batch.faces.flatten(0, 1), batch.mel)
        cosine = faces @ speech.T
        return SyncOutput(cosine, network.log_temperature, network.log_scale.exp(), network.threshold)

    def network_loss(self, batch: Windows, output: SyncOutput) -> dict[str, Tensor]:
        """Give the named terms of the expert's loss; their sum is minimised."""
        count = len(output.cosine)
        same, near = (torch.from_numpy(mask).to(output.cosine.device) for mask in _relations(batch))
        right = torch.eye(count, dtype=torch.bool, device=output.cosine.device)
        partner = torch.arange(count, device=output.cosine.device)
        margin = output.cosine - output.threshold.detach()
        first = self._first_plain(count)
        plain, place = output.cosine.detach()[first:, first:], batch.place[first:]
        apart = torch.from_numpy(np.abs(place[:, None] - place) >= MIN_GAP).to(plain.device)
        kinds = _kinds(same[first:, first:], ~apart)
        logits = output.scale * (plain - output.threshold.detach())
        return {
            "expert/choice": choose_among(output.cosine, partner, near & ~right, output.log_temperature),
            "expert/sync": _mean(functional.softplus, output.scale.detach() * margin, _kinds(same, near)),
            "expert/calibration": _mean(functional.softplus, logits, kinds),
            "expert/errors": _mean(torch.sigmoid, STEEPNESS * (plain - output.threshold), kinds),
        }

    def _first_plain(self, count: int) -> int:
        config, per_clip = self.config, self.config.targets_per_reference
        changed = math.ceil(count // per_clip * config.augment_share) * per_clip if config.augment else 0
        return changed if changed < count else 0

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate by right or mismatched pairs and by shifted clips."""
        return ExpertEvaluator(source, held_out)


def _kinds(same: Tensor, near: Tensor) -> list[Tensor]:
    """Return the two kinds of mismatched pairs: of the same clip, and of other clips."""
    return [same & ~near, ~same]


def _mean(error: Callable[[Tensor], Tensor], logit: Tensor, wrong: list[Tensor]) -> Tensor:
    """Mean error of the verdicts "in sync", right pairs : first kind of wrong ones : second = 2 : 1 : 1."""
    push = [error(logit[kind]).mean() for kind in wrong if kind.any()]
    pull = error(-logit.diagonal()).mean()
    return (pull + torch.stack(push).mean()) / 2 if push else pull


def _relations(batch: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Say which face and sound are of the same clip, and which of these are (nearly) of the same time."""
    same = batch.clip[:, None] == batch.clip
    return same, same & (np.abs(batch.place[:, None] - batch.place) <= AMBIGUOUS)
