"""WGAN-div: the Wasserstein divergence, which asks no slope of the critic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.pair_critic import PairCritic
from lipsync_cli.training.losses import divergence_penalty, wasserstein
from lipsync_cli.training.recipes.pairs import NEGATIVES, choose_pairs, draw_shares
from lipsync_cli.training.recipes.recipe import GeneratorRecipe
from lipsync_cli.training.reconstruction import Reconstruction

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig


class WGANDiv(GeneratorRecipe):
    """L1, and a critic that pays k |slope|^p for being steep instead of being held to one slope.

    Wu et al. (2018, "Wasserstein divergence for GANs"), with their k = 2 (`penalty_weight`) and p = 6 and their points
    on the lines between real and wrong pairs. The critic minimises E[wrong] - E[right] + k E[|slope|^p].
    """

    name = "wgan-div"
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
        "adversarial_weight": 0.001,
        "penalty_weight": 2.0,
    }
    network_every = 5

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.critic = self._score = PairCritic(size, "projection", config.critic_width)
        self.reconstruction = Reconstruction(config, mouth_region, size)
        self.adversarial_weight, self.penalty_weight = config.adversarial_weight, config.penalty_weight

    @property
    def chance(self) -> dict[str, float]:
        """A critic that knows nothing scores wrong pairs like right ones."""
        return dict.fromkeys(NEGATIVES, 0.0)

    def critic_losses(self, batch: Batch, made: Generated, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the critic's update, on one kind of wrong pairs."""
        name, real, other = choose_pairs(batch, made, fake_step)
        penalty = divergence_penalty(self._score, real, other, draw_shares(real))
        yield {
            name: wasserstein(self._score(*real), self._score(*other)),
            "critic/divergence_penalty": self.penalty_weight * penalty,
        }

    def network_loss(self, batch: Batch, made: Generated) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        terms = self.reconstruction(batch, made)
        if self.adversarial_weight:
            terms["generator/adversarial"] = -self.adversarial_weight * self._score(made.image, batch.mel).mean()
        return terms
