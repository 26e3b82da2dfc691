"""c-transform WGAN: the critic needs no penalty, because the cost itself bounds what it may say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.pair_critic import PairCritic
from lipsync_cli.training.losses import c_transform
from lipsync_cli.training.recipes.pairs import Pair, choose_pairs
from lipsync_cli.training.recipes.recipe import GeneratorRecipe
from lipsync_cli.training.reconstruction import Reconstruction

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig


class CWGAN(GeneratorRecipe):
    """L1, and a Wasserstein distance whose second potential follows from the first: min over the batch of c - score.

    Mallasto, Montufar and Gerolin (2019, "How well do WGANs estimate the Wasserstein metric?"); the cost c is the
    Euclidean distance of face and mel together. The critic scores right pairs only and maximises E[score] + E[score's
    c-transform at the wrong pairs]; the generator lowers the transform at what it draws, which pulls each face to the
    real pair that the scores make nearest. They found it the best estimate of the distance and not the best generator.
    The minimum is taken over a batch, so the batch size matters. As long as it lies at a face's own target, which is
    likely because speech differs more than faces do, the scores cancel and the term is the distance to that target.
    """

    name = "c-wgan"
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
        "adversarial_weight": 0.001,
    }
    network_every = 5

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.critic = self._score = PairCritic(size, "projection", config.critic_width)
        self.reconstruction = Reconstruction(config, mouth_region, size)
        self.adversarial_weight = config.adversarial_weight

    def critic_losses(self, batch: Batch, made: Generated, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the critic's update, minus the distance to one kind of wrong pairs."""
        name, real, other = choose_pairs(batch, made, fake_step)
        scores = self._score(*real)
        yield {name: -(scores.mean() + c_transform(scores, real, other).mean())}

    def network_loss(self, batch: Batch, made: Generated) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        terms = self.reconstruction(batch, made)
        if self.adversarial_weight:
            real = Pair(batch.target, batch.mel)
            potential = c_transform(self._score(*real).detach(), real, Pair(made.image, batch.mel))
            terms["generator/adversarial"] = self.adversarial_weight * potential.mean()
        return terms
