"""Adam that does not import torch's compiler takes the steps of torch's own."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from lipsync_cli.training.optimizers import make_adam

SCRIPT = """
import sys
import torch
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.training.optimizers import make_adam
network, _ = load_weights()
optimizer = make_adam(network.parameters(), 1e-3, (0.5, 0.999), 0.0)
optimizer.load_state_dict(optimizer.state_dict())
for parameter in network.parameters():
    parameter.grad = torch.ones_like(parameter)
optimizer.step()
optimizer.zero_grad(set_to_none=True)
print("torch._dynamo" in sys.modules)
"""


def learn(optimizer: torch.optim.Optimizer, layer: torch.nn.Linear, steps: int) -> None:
    """Take some steps towards zero."""
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        layer(torch.arange(6.0).view(2, 3)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize(("kind", "decay"), [(torch.optim.Adam, 0.0), (torch.optim.AdamW, 0.1)])
def test_steps_are_those_of_torch_and_each_goes_on_from_the_other(kind: type, decay: float) -> None:
    torch.manual_seed(0)
    ours = torch.nn.Linear(3, 2)
    theirs = torch.nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    first = make_adam(ours.parameters(), 0.01, (0.5, 0.999), decay)
    second = kind(theirs.parameters(), 0.01, betas=(0.5, 0.999), weight_decay=decay)
    learn(first, ours, 3)
    learn(second, theirs, 3)
    states = first.state_dict(), second.state_dict()
    first.load_state_dict(states[1])
    second.load_state_dict(states[0])
    learn(first, ours, 3)
    learn(second, theirs, 3)
    assert ours.weight.equal(theirs.weight)
    assert ours.bias.equal(theirs.bias)
    assert first.state_dict()["param_groups"] == second.state_dict()["param_groups"]


@pytest.mark.slow
def test_neither_loading_nor_learning_imports_the_compiler() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
