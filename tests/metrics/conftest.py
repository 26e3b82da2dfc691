"""Fixtures of the tests of metrics."""

from __future__ import annotations

from fixtures.scoring_fixtures import memory_pack, one_thread

__all__ = ["memory_pack", "one_thread"]
