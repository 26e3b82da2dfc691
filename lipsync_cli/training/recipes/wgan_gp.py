"""WGAN-GP as in the thesis: no reconstruction, only a critic whose slope is kept at 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.pair_critic import PairCritic
from lipsync_cli.training.losses import gradient_penalty, wasserstein
from lipsync_cli.training.recipes.pairs import NEGATIVES, choose_pairs, draw_shares
from lipsync_cli.training.recipes.recipe import GeneratorRecipe
from lipsync_cli.training.reconstruction import Reconstruction

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig


class WGANGP(GeneratorRecipe):
    """The critic estimates a Wasserstein distance in each step, the generator lowers it in every fifth.

    Wasserstein GAN (Arjovsky et al. 2017, eq. 2) with gradient penalty (Gulrajani et al. 2017, "Improved training of
    Wasserstein GANs", eq. 3), figures of Liljegren and Nordqvist (2021): penalty weight 10, Adam 1e-4 (0.5, 0.9), the
    mean of the critic's 1024 embedding numbers as its score. The generator's loss is -E[score of what it draws] and
    nothing else, so nothing asks for this face rather than any real one; and the score cannot tell whether face and
    speech belong together (see `PairCritic`). The thesis saw it stuck on one face.
    """

    name = "wgan-gp"
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
        "adversarial_weight": 1.0,
    }
    network_every = 5

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.critic = self._score = PairCritic(size, "embedding", config.critic_width)
        self.reconstruction = Reconstruction(config, mouth_region, size)
        self.adversarial_weight, self.penalty_weight = config.adversarial_weight, config.penalty_weight

    @property
    def chance(self) -> dict[str, float]:
        """A critic that knows nothing scores wrong pairs like right ones."""
        return dict.fromkeys(NEGATIVES, 0.0)

    def critic_losses(self, batch: Batch, made: Generated, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the critic's update, on one kind of wrong pairs."""
        name, real, other = choose_pairs(batch, made, fake_step)
        penalty = gradient_penalty(self._score, real, other, draw_shares(real))
        yield {
            name: wasserstein(self._score(*real), self._score(*other)),
            "critic/gradient_penalty": self.penalty_weight * penalty,
        }

    def network_loss(self, batch: Batch, made: Generated) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        adversarial = -self.adversarial_weight * self._score(made.image, batch.mel).mean()
        return {"generator/adversarial": adversarial, **self.reconstruction.warp(batch, made)}
