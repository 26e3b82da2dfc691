"""Fixtures of the scoring tests."""

from __future__ import annotations

import pytest
import torch
from fakes import MemoryPack


@pytest.fixture(scope="session")
def memory_pack() -> MemoryPack:
    return MemoryPack()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
