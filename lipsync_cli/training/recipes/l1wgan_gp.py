"""L1WGAN-GP as the thesis words it: the generator minimises L1 alone, the critic looks on."""

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


class L1WGANGP(GeneratorRecipe):
    """A generator with the L1 as its loss, in every fifth step, and beside it the critic of `wgan-gp`.

    Liljegren and Nordqvist (2021) "used the L1 reconstruction loss as a loss function in the generator". Read literally
    the critic gives the generator no gradient: what is trained is L1 alone, with a fifth of the updates. The critic is
    trained and logged all the same. Who wants it to take part: `l1wgan-gp-adv`.
    """

    name = "l1wgan-gp"
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
    }
    network_every = 5

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.critic = self._score = PairCritic(size, "embedding", config.critic_width)
        self.reconstruction = Reconstruction(config, mouth_region, size)
        self.penalty_weight = config.penalty_weight

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
        return self.reconstruction(batch, made)
