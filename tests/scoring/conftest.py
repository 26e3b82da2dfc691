"""Fixtures of the tests of scoring."""

from __future__ import annotations

from fixtures.scoring_fixtures import memory_pack, one_thread
from fixtures.training_fixtures import stores, talking_pack

__all__ = ["memory_pack", "one_thread", "stores", "talking_pack"]
