"""What every generator gives back."""

from typing import NamedTuple

from torch import Tensor


class GeneratorResult(NamedTuple):
    """The lower half of a face as drawn by a generator, all RGB in [0, 1].

    Attributes
    ----------
    image : shape (B, 3, S, S), the finished crop
    flow : shape (B, 2, S, S), displacement (x, y) in units of the crop's side S, or None
    mask : shape (B, 1, S, S), how much of the warped reference shows, or None
    patch : shape (B, 3, S, S), what shows where the reference does not, or None
    """

    image: Tensor
    flow: Tensor | None = None
    mask: Tensor | None = None
    patch: Tensor | None = None
