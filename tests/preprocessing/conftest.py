"""Fixtures of the tests of preprocessing."""

from __future__ import annotations

from fixtures.data_fixtures import stores

__all__ = ["stores"]
