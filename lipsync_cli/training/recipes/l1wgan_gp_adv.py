"""L1 and a Wasserstein critic that does take part."""

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


class L1WGANGPAdv(GeneratorRecipe):
    """The L1 holds the face, and `adversarial_weight` times the critic's score pulls towards real pairs.

    What "L1WGAN-GP" would mean in the sense of pix2pix (Isola et al. 2017, eq. 4), with the critic of Gulrajani et al.
    (2017, eq. 3). Its score has the inner product of face and speech, without which it could not hear (`PairCritic`).
    The default weight is this project's: a critic of slope 1 pulls with a gradient of norm 1 on a face, the mean L1
    with one of at most 1 / sqrt(3 S S) = 0.006 at 96 pixels, so that 0.001 makes a sixth of it.
    """

    name = "l1wgan-gp-adv"
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
        terms = self.reconstruction(batch, made)
        if self.adversarial_weight:
            terms["generator/adversarial"] = -self.adversarial_weight * self._score(made.image, batch.mel).mean()
        return terms
