"""The terms that compare a generated face to the real one, the same for every recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.models.generators.compact import warp
from lipsync_cli.training.losses.loss_functions import dissimilarity, lost_motion, mouth_weights, weighted_l1

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.config import TrainConfig


class Reconstruction:
    """L1 between the generated and the real face, and what helps it: weights, structure, an honest flow.

    A `mouth_weight` of 1 is LipGAN's L1 over the whole crop. More is the class report's weighted L1: so much on the
    mouth, 1 elsewhere, together as much as before; the upper half counts where the generator draws it, not where it
    hands it through. A `warp_weight` asks the same of the warped reference alone, without mask and patch (generators
    that have a flow), an `ssim_weight` for that much of the lower half's structural dissimilarity, a `motion_weight`
    for mouths that move as much as the real ones over the targets of a reference.
    """

    def __init__(self, config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int) -> None:
        self.is_weighted = config.mouth_weight != 1
        self.lower = mouth_weights(size, mouth_region, config.mouth_weight)
        self.whole = mouth_weights(size, mouth_region, config.mouth_weight, upper=1.0)
        self.warp_weight, self.ssim_weight = config.warp_weight, config.ssim_weight
        self.motion_weight, self.mouth = config.motion_weight, mouth_region

    def __call__(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give all the named terms; their sum is minimised."""
        half = batch.target.shape[-1] // 2
        terms = {"generator/l1": weighted_l1(output.image, batch.target, self._weights(batch, output))}
        if self.ssim_weight:
            lower = dissimilarity(output.image[:, :, half:], batch.target[:, :, half:])
            terms["generator/ssim"] = self.ssim_weight * lower
        run = len(batch.target) // len(batch.reference)
        if self.motion_weight and run > 1:
            row0, row1, column0, column1 = self.mouth
            moved, real = (x[:, :, row0:row1, column0:column1] for x in (output.image, batch.target))
            terms["generator/motion"] = self.motion_weight * lost_motion(moved, real, run)
        return terms | self.warp(batch, output)

    def warp(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give only the term of the warped reference, if there is one."""
        if output.flow is None or not self.warp_weight:
            return {}
        half = batch.target.shape[-1] // 2
        reference = batch.reference.repeat_interleave(len(batch.target) // len(batch.reference), 0)
        warped = warp(reference, output.flow[:, :, half:], first_row=half)
        weights = self._weights(batch, output)
        lower = weighted_l1(warped, batch.target[:, :, half:], None if weights is None else weights[:, :, half:])
        return {"generator/warp_l1": 0.5 * self.warp_weight * lower}  # half: the upper half has no error

    def _weights(self, batch: Batch, output: GeneratorResult) -> Tensor | None:
        if not self.is_weighted:
            return None
        weights = self.whole if output.flow is None else self.lower
        return weights.to(batch.target.device)
