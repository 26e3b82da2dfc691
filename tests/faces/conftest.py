"""Fixtures of the tests of faces."""

from __future__ import annotations

from fixtures.faces_fixtures import photo, photo_box
from fixtures.synthesis_fixtures import astronaut, face_clip, stills, voice_file, weights

__all__ = ["astronaut", "face_clip", "photo", "photo_box", "stills", "voice_file", "weights"]
