"""LipGAN (KR et al. 2019, "Towards automatic face-to-face translation"): L1, and a critic of face and speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.generators.lipgan import LipGANCritic, distance
from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.losses.terms import contrastive
from lipsync_cli.training.recipes.recipe import Discriminator, GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.recipes.context import RecipeContext


class LipGAN(GeneratorRecipe):
    """The critic pulls real faces and their speech together and pushes generated faces or mismatched speech away.

    Each step the critic is updated on one negative, by a fair coin (generated face, right speech) or (real face,
    mismatched speech), then on (real face, right speech); then the generator minimises L1 + `adversarial_weight` x the
    critic's distance of its face to the speech. The weight is 0.01 in LipGAN's code; the thesis's text does not say
    it. With `mouth_weight` 1 the L1 covers the whole crop, as in LipGAN; more gives the class report's weighted L1: so
    much on the mouth, 1 elsewhere.
    """

    name = "lipgan"
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        self.critic = LipGANCritic(context.size, config.critic_width)
        self.discriminators = {"critic": Discriminator(self.critic)}
        self.reconstruction = Reconstruction(config, context.mouth_region, context.size)
        self.adversarial_weight = config.adversarial_weight
        self.margin = config.margin

    @property
    def chance_levels(self) -> dict[str, float]:
        """A critic that knows nothing does best with half the margin as its distance of everything."""
        return dict.fromkeys(("critic/fake", "critic/wrong_speech", "critic/real"), self.margin**2 / 4)

    def discriminator_losses(
        self, name: str, batch: Batch, output: GeneratorResult, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the losses of the critic's updates one by one; each is computed after the update before it."""
        if fake_step:
            yield {"critic/fake": self._distance(output.image, batch.mel, 1.0)}
        else:
            yield {"critic/wrong_speech": self._distance(batch.target, batch.mismatched_mel, 1.0)}
        yield {"critic/real": self._distance(batch.target, batch.mel, 0.0)}

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        return {
            **self.reconstruction(batch, output),
            "generator/adversarial": self.adversarial_weight * self._distance(output.image, batch.mel, 0.0),
        }

    def _distance(self, face: Tensor, mel: Tensor, label: float) -> Tensor:
        return contrastive(distance(*self.critic(face, mel)), label, self.margin)
