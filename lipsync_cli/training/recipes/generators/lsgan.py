"""LSGAN: the critic learns labels by least squares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.discriminators.pair_discriminator import PairCritic
from lipsync_cli.training.losses.discriminator_pairs import NEGATIVES, REAL, choose_pairs, compute_both_losses
from lipsync_cli.training.losses.loss_functions import least_squares
from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.recipes.recipe import Discriminator, GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.recipes.context import RecipeContext


class LSGAN(GeneratorRecipe):
    """L1, and a critic that scores right pairs 1 and wrong ones 0; the generator asks for 1.

    Mao et al. (2017, "Least squares generative adversarial networks", eq. 9: a = 0, b = c = 1), on LipGAN's networks
    and negatives. Errors count however sure the critic is, so the gradient does not vanish where it is right.
    """

    name = "lsgan"
    compares_pairs = True
    pair_limit = -0.5  # half way between the labels
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "adversarial_weight": 0.01,
    }

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        self.critic = PairCritic(context.size, "projection", config.critic_width, context.mel_shape)
        self.discriminators = {"critic": Discriminator(self.critic)}
        self.reconstruction = Reconstruction(config, context.mouth_region, context.size)
        self.adversarial_weight = config.adversarial_weight

    @property
    def chance_levels(self) -> dict[str, float]:
        """A critic that knows nothing scores everything one half."""
        return dict.fromkeys((REAL, *NEGATIVES), 0.125)

    def discriminator_losses(
        self, name: str, batch: Batch, output: GeneratorResult, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the critic's update, on one kind of mismatched pairs."""
        negative, real, other = choose_pairs(batch, output, fake_step)
        yield {
            REAL: least_squares(self.critic(*real), 1.0),
            negative: least_squares(self.critic(*other), 0.0),
        }

    def observe(self, name: str, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the losses of both negatives on this batch, after the critic's update."""
        return compute_both_losses(batch, output, lambda real, other: least_squares(self.critic(*other), 0.0))

    def pair_distance(self, face: Tensor, mel: Tensor) -> Tensor:
        """Give the critic's score, negative, so that less is nearer."""
        return -self.critic(face, mel)

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        terms = self.reconstruction(batch, output)
        if self.adversarial_weight:
            score = self.critic(output.image, batch.mel)
            terms["generator/adversarial"] = self.adversarial_weight * least_squares(score, 1.0)
        return terms
