"""Fixtures of the tests of pipelines."""

from __future__ import annotations

from fixtures.synthesis_fixtures import weights
from fixtures.training_fixtures import small_pack, stores

__all__ = ["small_pack", "stores", "weights"]
