"""Two critics, as the class report wished for: a frozen expert for sync, and one that learns for visual quality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch.nn import functional

from lipsync_cli.data.windows import REACH
from lipsync_cli.errors import UsageError
from lipsync_cli.models.expert import FRAMES
from lipsync_cli.models.quality import QualityCritic
from lipsync_cli.training.losses import out_of_sync
from lipsync_cli.training.recipes.l1 import L1
from lipsync_cli.training.recipes.recipe import GeneratorRecipe
from lipsync_cli.training.reconstruction import Reconstruction

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.models.expert import SyncExpert
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig


class LipGANExpert(GeneratorRecipe):
    """The reconstruction of recipe `l1`, and two critics that do not have to be each other's compromise.

    The design is Wav2Lip's (Prajwal et al. 2020): an expert of sync (recipe `sync-expert`), trained before on real
    faces only and frozen, because one that keeps learning on a generator's faces learns their faults instead; and a
    critic of the lower half that never hears the speech. The expert judges `FRAMES` consecutive drawn frames, so the
    targets of a reference are consecutive. `sync_weight` is Wav2Lip's 0.03 and `adversarial_weight` its 0.07.
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
    needs_expert = True

    def __init__(
        self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int, expert: SyncExpert
    ) -> None:
        self.reconstruction = Reconstruction(config, mouth_region, size)
        self.expert = expert
        self.critic = self._judge = QualityCritic()
        self.run_length = config.targets_per_reference
        self.sync_weight, self.adversarial_weight = config.sync_weight, config.adversarial_weight

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the expert would not see enough consecutive frames."""
        if config.targets_per_reference < FRAMES:
            raise UsageError(
                f"the expert judges {FRAMES} consecutive frames, and a reference serves {config.targets_per_reference}",
                hint=f"use --targets-per-reference {FRAMES} or more",
            )

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The expert."""
        return {"expert": self.expert}

    @property
    def chance(self) -> dict[str, float]:
        """A critic that says one half of everything."""
        return dict.fromkeys(("critic/real", "critic/fake"), math.log(2) / 2)

    def critic_losses(self, batch: Batch, made: Generated, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the quality critic's update, on real and drawn lower halves of the same frames."""
        yield {
            "critic/real": functional.softplus(-self._judge(_lower(batch.target))).mean() / 2,
            "critic/fake": functional.softplus(self._judge(_lower(made.image))).mean() / 2,
        }

    def network_loss(self, batch: Batch, made: Generated) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        terms = self.reconstruction(batch, made)
        if self.sync_weight:
            terms["generator/sync"] = self.sync_weight * self._out_of_sync(made.image, batch.mel)
        if self.adversarial_weight:
            looks_drawn = functional.softplus(-self._judge(_lower(made.image))).mean()
            terms["generator/quality"] = self.adversarial_weight * looks_drawn
        return terms

    def _out_of_sync(self, images: Tensor, mel: Tensor) -> Tensor:
        count = self.run_length
        runs = _lower(images).unflatten(0, (-1, count))
        faces = torch.stack([runs[:, first : first + FRAMES] for first in range(count - FRAMES + 1)], 1)
        middle = mel.unflatten(0, (-1, count))[:, REACH : count - REACH]
        return out_of_sync(self.expert, faces.flatten(0, 1), middle.flatten(0, 1))


def _lower(images: Tensor) -> Tensor:
    return images[..., images.shape[-2] // 2 :, :]
