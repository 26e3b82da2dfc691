"""Fixtures of the tests in a real browser."""

from real_browser import browse, browser_dir

__all__ = ["browse", "browser_dir"]
