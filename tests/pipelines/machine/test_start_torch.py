"""Torch without the part for compiling draws as ever; with an optimiser the part follows by itself."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from lipsync_cli.pipelines.machine.start_torch import TRACING_ONLY, start_torch
start_torch()
assert TRACING_ONLY not in sys.modules
import torch
torch.manual_seed(0)
layer = torch.nn.Conv2d(3, 4, 3)
learner = torch.optim.Adam(layer.parameters(), 0.01)
loss = layer(torch.ones(1, 3, 8, 8)).square().mean()
loss.backward()
learner.step()
print(float(layer(torch.ones(1, 3, 8, 8)).square().mean()) < float(loss))
assert TRACING_ONLY in sys.modules
print(tuple(torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8, device="meta"), layer.weight.to("meta")).shape))
"""


@pytest.mark.slow
def test_learns_and_can_be_completed() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert result.stdout.split("\n")[:2] == ["True", "(1, 4, 6, 6)"], result.stderr


@pytest.mark.slow
def test_generators_can_be_made() -> None:
    script = """
from lipsync_cli.pipelines.machine.start_torch import allow_generators, start_torch
start_torch()
allow_generators()
import torch
print(torch.randn(1, generator=torch.Generator().manual_seed(5)).equal(torch.randn(1, generator=torch.manual_seed(5))))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.strip() == "True", result.stderr
