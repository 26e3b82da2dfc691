"""Two critics, as the class report wished for: a frozen expert for sync, and one that learns for visual quality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.nn import functional

from lipsync_cli.datasets.batch import Mixed
from lipsync_cli.datasets.sync_windows import REACH
from lipsync_cli.errors import UsageError
from lipsync_cli.models.discriminators.quality_discriminator import QualityCritic
from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.models.sync_expert import FRAMES
from lipsync_cli.training.losses.loss_functions import out_of_sync
from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.recipes.generators.l1 import L1
from lipsync_cli.training.recipes.recipe import Discriminator, GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext


class LipGANExpert(GeneratorRecipe):
    """The reconstruction of recipe `l1`, and two critics that do not have to be each other's compromise.

    The design is Wav2Lip's (Prajwal et al. 2020): an expert of sync (recipe `sync-expert`), trained before on real
    faces only and frozen, because one that keeps learning on a generator's faces learns their faults instead; and a
    critic of the lower half that never hears the speech. The expert scores `FRAMES` consecutive generated frames, so
    the targets of a reference are consecutive. `sync_weight` is Wav2Lip's 0.03 and `adversarial_weight` its 0.07.
    """

    name = "lipgan-expert"
    defaults: ClassVar[dict[str, Any]] = {
        **L1.defaults,
        "ssim_weight": 0.1,
        "sync_weight": 0.03,
        "adversarial_weight": 0.07,
        "targets_per_reference": 8,
        "consecutive": True,
    }
    needs = frozenset({"expert"})

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        assert context.expert is not None
        self.reconstruction = Reconstruction(config, context.mouth_region, context.size)
        self.expert = context.expert
        self.critic = QualityCritic()
        self.discriminators = {"critic": Discriminator(self.critic)}
        self.run_length, self.runs = config.targets_per_reference, config.sync_runs
        self.sync_weight, self.adversarial_weight = config.sync_weight, config.adversarial_weight

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the expert would not see enough consecutive frames."""
        if config.targets_per_reference < FRAMES:
            raise UsageError(
                f"the expert scores {FRAMES} consecutive frames, and a reference serves {config.targets_per_reference}",
                hint=f"use --targets-per-reference {FRAMES} or more",
            )
        judged = config.sync_runs * config.targets_per_reference
        if config.sync_runs and judged >= config.batch_size:
            raise UsageError(
                f"{config.sync_runs} runs of {config.targets_per_reference} frames leave no others in a batch of "
                f"{config.batch_size}",
                hint="use a larger --batch-size or fewer --sync-runs",
            )

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The expert."""
        return {"expert": self.expert}

    @property
    def chance_levels(self) -> dict[str, float]:
        """A critic that says one half of everything."""
        return dict.fromkeys(("critic/real", "critic/fake"), math.log(2) / 2)

    def batch(self, source: Source, step: int) -> Batch | Mixed:
        """Give runs of consecutive frames, and with `sync_runs` single frames of other clips beside so many."""
        return source.mixed(step, self.runs) if self.runs else source.batch(step)

    def forward(self, network: nn.Module, batch: Batch | Mixed) -> GeneratorResult:
        """Let the generator draw the targets, those of the runs first."""
        return super().forward(network, _together(batch))

    def pictures(self, batch: Batch | Mixed, output: GeneratorResult) -> tuple[Tensor, Tensor] | None:
        """Give what the generator drew and its targets, those of the runs first."""
        return super().pictures(_together(batch), output)

    def discriminator_losses(
        self, name: str, batch: Batch | Mixed, output: GeneratorResult, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the quality critic's update, on real and generated lower halves of the same frames."""
        yield {
            "critic/real": functional.softplus(-self.critic(_lower(_together(batch).target))).mean() / 2,
            "critic/fake": functional.softplus(self.critic(_lower(output.image))).mean() / 2,
        }

    def network_loss(self, batch: Batch | Mixed, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        runs = batch.runs if isinstance(batch, Mixed) else batch
        terms = self._compare(batch, output)
        if self.sync_weight:
            terms["generator/sync"] = self.sync_weight * self.sync_loss(output.image[: len(runs.mel)], runs.mel)
        if self.adversarial_weight:
            looks_drawn = functional.softplus(-self.critic(_lower(output.image))).mean()
            terms["generator/quality"] = self.adversarial_weight * looks_drawn
        return terms

    def _compare(self, batch: Batch | Mixed, output: GeneratorResult) -> dict[str, Tensor]:
        if not isinstance(batch, Mixed):
            return self.reconstruction(batch, output)
        count = len(batch.runs.target)
        share = len(batch.runs.reference) / (len(batch.runs.reference) + len(batch.singles.reference))
        runs = self.reconstruction(batch.runs, _cut(output, slice(0, count)))
        singles = self.reconstruction(batch.singles, _cut(output, slice(count, None)))
        return {name: share * term + (1 - share) * singles.get(name, 0.0) for name, term in runs.items()}

    def sync_loss(self, images: Tensor, mel: Tensor) -> Tensor:
        """Ask the expert about every window of consecutive images in each run: mean cross-entropy with "in sync".

        Parameters
        ----------
        images : shape (B, 3, S, S), runs of `run_length` consecutive frames one after the other
        mel : shape (B, 1, 80, 27), of the same frames
        """
        count = self.run_length
        runs = _lower(images).unflatten(0, (-1, count))
        faces = torch.stack([runs[:, first : first + FRAMES] for first in range(count - FRAMES + 1)], 1)
        middle = mel.unflatten(0, (-1, count))[:, REACH : count - REACH]
        return out_of_sync(self.expert, faces.flatten(0, 1), middle.flatten(0, 1))


def _together(batch: Batch | Mixed) -> Batch:
    return batch.together() if isinstance(batch, Mixed) else batch


def _cut(output: GeneratorResult, part: slice) -> GeneratorResult:
    return GeneratorResult(output.image[part], *(None if field is None else field[part] for field in output[1:]))


def _lower(images: Tensor) -> Tensor:
    return images[..., images.shape[-2] // 2 :, :]
