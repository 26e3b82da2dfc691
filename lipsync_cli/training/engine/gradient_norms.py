"""How hard each loss term pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.training.engine.distributed import World


def measure_norms(terms: dict[str, Tensor], parameters: list[nn.Parameter], world: World) -> dict[str, Tensor]:
    """Compute the norm of each term's gradient on its own, before any clipping; the graph is kept.

    Parameters
    ----------
    terms : of one update, by name
    parameters : of the network that is updated

    Returns
    -------
    name + "/gradient_norm" -> 0-d
    """
    norms = {}
    for name, term in terms.items():
        if not term.requires_grad:
            continue
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
        present = [gradient.float() for gradient in gradients if gradient is not None]
        if present:
            world.average(present)
            norms[f"{name}/gradient_norm"] = torch.stack([gradient.norm() for gradient in present]).norm()
    return norms
