"""Fixtures of the tests of synthesis."""

from __future__ import annotations

from fixtures.synthesis_fixtures import (
    astronaut,
    face_clip,
    frame_number,
    numbered,
    stills,
    voice_file,
    weights,
)

__all__ = ["astronaut", "face_clip", "frame_number", "numbered", "stills", "voice_file", "weights"]
