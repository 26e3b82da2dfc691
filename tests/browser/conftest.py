"""Fixtures of the tests in a real browser."""

from fixtures.scoring_fixtures import memory_pack
from real_browser import browse, browser_dir

__all__ = ["browse", "browser_dir", "memory_pack"]
