"""Fixtures of the tests of datasets."""

from __future__ import annotations

from fixtures.training_fixtures import small_pack, stores, talking_pack

__all__ = ["small_pack", "stores", "talking_pack"]
