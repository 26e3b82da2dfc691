"""The published schedule of the face swap, of 40,000 iterations, as shares of a run of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import nn, optim

EXCHANGE_AT = 0.8  # of the run: each decoder goes on from another's weights
STAGES = "stages"  # value of `schedule`


class Stage(NamedTuple):
    """A part of a run.

    Attributes
    ----------
    until : share of the run at which it ends
    hinge : the mask is pulled up to this value; None: pulled down to zero
    rate : factor of the learning rate
    """

    until: float
    hinge: float | None
    rate: float


PUBLISHED = (
    Stage(0.3, None, 1.0),
    Stage(0.4, 0.5, 1.0),
    Stage(0.5, 0.2, 1.0),
    Stage(2 / 3, 0.4, 1.0),
    Stage(0.8, None, 0.3),
    Stage(0.9, 0.1, 0.3),
    Stage(1.0, None, 0.1),
)
CONSTANT = Stage(1.0, None, 1.0)


def stage_at(share: float) -> Stage:
    """Return the stage of a moment of a run, 0 ... 1."""
    return next((stage for stage in PUBLISHED if share < stage.until), PUBLISHED[-1])


def exchange_decoders(decoders: nn.ModuleList, optimizer: optim.Optimizer | None = None) -> None:
    """Give each decoder the weights of the one before it, the first those of the last.

    Parameters
    ----------
    optimizer : forgets what it knows of these weights, as the published program does, which builds its graph anew
    """
    import torch

    old = [{name: value.clone() for name, value in decoder.state_dict().items()} for decoder in decoders]
    with torch.no_grad():
        for place, decoder in enumerate(decoders):
            decoder.load_state_dict(old[place - 1])
    if optimizer is not None:
        for parameter in decoders.parameters():
            optimizer.state.pop(parameter, None)
