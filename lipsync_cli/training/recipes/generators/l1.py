"""Reconstruction only: LipGAN's `train_unet.py` with the class report's weighted L1, and an honest flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.recipes.recipe import GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.recipes.context import RecipeContext


class L1(GeneratorRecipe):
    """Weighted L1 between the generated and the real face, and `warp_weight` times that of the warped reference alone.

    With an `ssim_weight`, that much of the lower half's structural dissimilarity too, which keeps edges sharp.
    """

    name = "l1"
    defaults: ClassVar[dict[str, Any]] = {"mouth_weight": 6.0, "warp_weight": 0.3}

    def __init__(self, context: RecipeContext) -> None:
        self.reconstruction = Reconstruction(context.config, context.mouth_region, context.size)

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        return self.reconstruction(batch, output)
