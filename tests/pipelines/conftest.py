"""Fixtures of the tests of pipelines."""

from __future__ import annotations

from fixtures.synthesis_fixtures import weights

__all__ = ["weights"]
