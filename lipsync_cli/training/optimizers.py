"""Adam without torch's compiler, which its optimisers import and training does not use: seconds of every start."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import torch
from torch.optim import Adam, AdamW, Optimizer


class _Uncompiled(Optimizer):
    """Methods of torch's optimisers without the wrapper that imports the compiler to keep it away from them."""

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)


class _Adam(Adam, _Uncompiled):
    step = torch.no_grad()(inspect.unwrap(Adam.step))


class _AdamW(AdamW, _Uncompiled):
    step = torch.no_grad()(inspect.unwrap(AdamW.step))


def make_adam(
    parameters: Iterable[torch.nn.Parameter], learning_rate: float, betas: tuple[float, float], weight_decay: float
) -> Optimizer:
    """Make the optimiser of a network: Adam, or AdamW where weights decay; the arithmetic is torch's own.

    A torch that wraps its methods otherwise takes the same steps and imports its compiler.

    Parameters
    ----------
    parameters : those that learn
    betas : decay of the running means of the gradient and of its square
    weight_decay : share of the weights that one step at learning rate 1 takes away
    """
    kind = _AdamW if weight_decay else _Adam
    return kind(parameters, learning_rate, betas=betas, weight_decay=weight_decay)
