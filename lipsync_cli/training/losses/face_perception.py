"""How different two faces look to a network: the perceptual term of the face swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch.nn import functional

from lipsync_cli.faces.aligned.alignment import BOX_IN_ALIGNED
from lipsync_cli.formats.weights import load_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.compact import CompactGenerator

LEVELS = 3  # of the encoder: a half, a quarter and an eighth of its input's side


class FacePerception:
    """Compares aligned faces by the features of the package's generator, whose encoder has seen thousands of faces.

    The published program compares features of VGGFace (Johnson et al. 2016, "Perceptual losses", eq. 2); its weights
    cannot come with this package. Here they are those of the encoder of reference faces, at three resolutions.
    """

    def __init__(self, device: str) -> None:
        generator, header = load_weights()
        compact = cast("CompactGenerator", generator.to(device).eval().requires_grad_(False))
        self._levels = cast("list[nn.Module]", list(compact.reference_encoder)[:LEVELS])
        self._side = compact.size
        rule, (x0, y0, x1, y1) = header.crop_rule, BOX_IN_ALIGNED
        half_x, half_y = rule.scale * (x1 - x0) / 2, rule.scale * (y1 - y0) / 2
        centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2 + rule.shift_y * (y1 - y0)
        # from the encoder's crop to the aligned face, both -1 ... 1
        places = [[2 * half_x, 0, 2 * centre_x - 1], [0, 2 * half_y, 2 * centre_y - 1]]
        self._crop = torch.tensor(places, device=device)

    def __call__(self, drawn: Tensor, real: Tensor) -> Tensor:
        """Return the mean difference of features over their mean size, summed over the levels.

        Parameters
        ----------
        drawn, real : shape (B, 3, S, S), aligned faces, RGB in [0, 1]; the gradient goes to the first
        """
        drawn, real = self._cut(drawn), self._cut(real.detach())
        deviation, mean = torch.std_mean(real, dim=(2, 3), keepdim=True)
        one, other = ((each - mean) / (deviation + 0.02) for each in (drawn, real))
        total = drawn.new_zeros(())
        for level in self._levels:
            one = level(one)
            with torch.no_grad():
                other = level(other)
            total = total + (one - other).abs().mean() / (other.abs().mean() + 1e-6)
        return total

    def _cut(self, faces: Tensor) -> Tensor:
        """Cut the crop that the encoder knows out of aligned faces; beyond their border it goes on as there."""
        shape = [len(faces), 3, self._side, self._side]
        grid = functional.affine_grid(self._crop.expand(len(faces), 2, 3), shape, align_corners=False)
        return functional.grid_sample(faces.float(), grid, padding_mode="border", align_corners=False)
