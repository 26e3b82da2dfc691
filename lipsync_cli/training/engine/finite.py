"""Whether numbers are still finite, asked before gradients are taken.

A flow of NaN need not make a loss of NaN: on a CPU `grid_sample` gives a finite pixel for it, and its backward pass
then writes beside the image, which ends the process. So the outputs of a network are asked as well as its loss.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def find_tensors(value: Any) -> list[Tensor]:
    """Return the tensors of floating point in a tensor, or in a list, tuple or mapping, however deep."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for each in value for tensor in find_tensors(each)] if isinstance(value, (list, tuple)) else []


def are_finite(tensors: Iterable[Tensor], device: str = "cpu") -> Tensor:
    """Tell whether all numbers of all tensors are finite: 0-d bool on the device, which is not waited for."""
    answers = [tensor.detach().isfinite().all().to(device) for tensor in tensors]
    return torch.stack(answers).all() if answers else torch.ones((), dtype=torch.bool, device=device)
