"""Fixtures of the tests of provenance."""

from __future__ import annotations

from fixtures.media_fixtures import ffmpeg, make_clip

__all__ = ["ffmpeg", "make_clip"]
