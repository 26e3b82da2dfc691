"""Adam without torch's compiler, which its optimisers import and training does not use: seconds of every start."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import torch
from torch.optim import Adam, AdamW, Optimizer

_ASIDE = "__dynamo_disable"  # where `torch._compile` keeps what it calls in place of a method
_METHODS = ("__init__", "add_param_group", "load_state_dict", "state_dict", "zero_grad")  # that it wraps


class _Adam(Adam):
    """Adam whose steps do not look for a compiler; the arithmetic is torch's own."""

    step = torch.no_grad()(inspect.unwrap(Adam.step))


class _AdamW(AdamW):
    """AdamW whose steps do not look for a compiler; the arithmetic is torch's own."""

    step = torch.no_grad()(inspect.unwrap(AdamW.step))


def make_adam(
    parameters: Iterable[torch.nn.Parameter], learning_rate: float, betas: tuple[float, float], weight_decay: float
) -> Optimizer:
    """Make the optimiser of a network: Adam, or AdamW where weights decay.

    A torch that keeps its methods otherwise gives the same steps and imports its compiler.

    Parameters
    ----------
    parameters : those that learn
    betas : decay of the running means of the gradient and of its square
    weight_decay : share of the weights that one step at learning rate 1 takes away
    """
    for name in _METHODS:
        plain = inspect.unwrap(getattr(Optimizer, name))
        if not hasattr(plain, _ASIDE):
            setattr(plain, _ASIDE, plain)
    kind = _AdamW if weight_decay else _Adam
    return kind(parameters, learning_rate, betas=betas, weight_decay=weight_decay)
