"""Reconstruction only: LipGAN's `train_unet.py` with the class report's weighted L1, and an honest flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lipsync_cli.models.compact import warp
from lipsync_cli.training.losses import dissimilarity, mouth_weights, weighted_l1
from lipsync_cli.training.recipes.recipe import GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig


class L1(GeneratorRecipe):
    """Weighted L1 between the drawn and the real face, and `warp_weight` times that of the warped reference alone.

    With an `ssim_weight`, that much of the lower half's structural dissimilarity too, which keeps edges sharp.
    """

    name = "l1"
    defaults: ClassVar[dict[str, Any]] = {"mouth_weight": 6.0, "warp_weight": 0.3}

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.weights = mouth_weights(size, mouth_region, config.mouth_weight)
        self.warp_weight = config.warp_weight
        self.ssim_weight = config.ssim_weight

    def network_loss(self, batch: Batch, made: Generated) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        weights = self.weights.to(batch.target.device)
        terms = {"generator/l1": weighted_l1(made.image, batch.target, weights)}
        half = batch.target.shape[-1] // 2
        if self.ssim_weight:
            lower = dissimilarity(made.image[:, :, half:], batch.target[:, :, half:])
            terms["generator/ssim"] = self.ssim_weight * lower
        if made.flow is not None and self.warp_weight:
            share = len(batch.target) // len(batch.reference)
            reference = batch.reference.repeat_interleave(share, 0)
            warped = warp(reference, made.flow[:, :, half:], first_row=half)
            lower = weighted_l1(warped, batch.target[:, :, half:], weights[:, :, half:])
            terms["generator/warp_l1"] = 0.5 * self.warp_weight * lower  # half: the upper half has no error
        return terms
