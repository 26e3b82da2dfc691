"""A small pack for what trains."""

from fixtures.training_fixtures import small_pack, stores

__all__ = ["small_pack", "stores"]
