"""What stands in the place of a figure that there is not."""

from __future__ import annotations


class MetricUnavailableError(Exception):
    """A figure that cannot be computed. Its text is the reason, which stands beside `null` in the results."""
