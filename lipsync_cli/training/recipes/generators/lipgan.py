"""LipGAN (KR et al. 2019, "Towards automatic face-to-face translation"): L1, and a critic of face and speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.generators.lipgan import LipGANCritic, distance
from lipsync_cli.training.config import LITERAL
from lipsync_cli.training.losses.discriminator_pairs import NEGATIVES, REAL, choose_pairs, compute_both_losses
from lipsync_cli.training.losses.loss_functions import contrastive
from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.losses.thesis_terms import SHARE, literal_contrastive, literal_distance
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

    With `losses` "literal" the formulas are the thesis's (eq. 3.16, 3.17, 3.21, 3.24): embeddings of any length, half
    the squares, both pairs of a step averaged in one update, and an adversarial weight of 1.
    """

    name = "lipgan"
    defaults: ClassVar[dict[str, Any]] = {}
    compares_pairs = True
    literal_defaults: ClassVar[dict[str, Any] | None] = {"adversarial_weight": 1.0}  # eq. 3.24

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        self.critic = LipGANCritic(context.size, config.critic_width, context.mel_shape)
        self.discriminators = {"critic": Discriminator(self.critic)}
        self.reconstruction = Reconstruction(config, context.mouth_region, context.size)
        self.adversarial_weight = config.adversarial_weight
        self.margin = config.margin
        self.pair_limit = config.margin / 2  # where its loss is the same for both answers
        self.is_literal = config.losses == LITERAL

    @property
    def chance_levels(self) -> dict[str, float]:
        """A critic that knows nothing does best with half the margin as its distance of everything."""
        level = self.margin**2 / 4
        return dict.fromkeys((REAL, *NEGATIVES), SHARE * level / 2 if self.is_literal else level)

    def discriminator_losses(
        self, name: str, batch: Batch, output: GeneratorResult, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the losses of the critic's updates one by one; each is computed after the update before it."""
        negative, real, other = choose_pairs(batch, output, fake_step)
        if self.is_literal:
            yield {negative: SHARE * self._contrast(*other, is_right=False), REAL: SHARE * self._contrast(*real)}
            return
        yield {negative: self._contrast(*other, is_right=False)}
        yield {REAL: self._contrast(*real)}

    def observe(self, name: str, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the losses of both negatives on this batch, after the critic's update."""
        return compute_both_losses(batch, output, lambda real, other: self._contrast(*other, is_right=False))

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        return {
            **self.reconstruction(batch, output),
            "generator/adversarial": self.adversarial_weight * self._contrast(output.image, batch.mel),
        }

    def pair_distance(self, face: Tensor, mel: Tensor) -> Tensor:
        """Give the distance of the embeddings that the loss is about."""
        embeddings = self.critic(face, mel)
        return literal_distance(*embeddings) if self.is_literal else distance(*embeddings)

    def _contrast(self, face: Tensor, mel: Tensor, is_right: bool = True) -> Tensor:
        found = self.pair_distance(face, mel)
        if self.is_literal:
            return literal_contrastive(found, float(is_right), self.margin)
        return contrastive(found, float(not is_right), self.margin)
