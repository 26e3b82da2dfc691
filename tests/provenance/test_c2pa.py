"""Content credentials, with C2PA's own library where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from fixtures.media_clips import Ffmpeg, MakeClip

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.provenance import c2pa
from lipsync_cli.provenance.metadata import read_marks

needs_c2pa = pytest.mark.skipif(importlib.util.find_spec("c2pa") is None, reason="c2pa-python is not installed")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, make_clip: MakeClip) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)  # no such package
    assert c2pa.read_credentials(make_clip("a.mp4", 2))["found"] is None
    with pytest.raises(ToolError, match=r"pip install 'lipsync-cli\[c2pa\]'"):
        c2pa.make_identity()


@needs_c2pa
def test_signed_verified_and_broken(make_clip: MakeClip, tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    clip, signed = make_clip("a.mp4", 20, 25, "-metadata", "comment=kept"), tmp_path / "signed.mp4"
    assert c2pa.read_credentials(clip) == {"found": False}
    c2pa.sign(clip, signed, "a.mp4", c2pa.make_identity())
    assert c2pa.read_credentials(signed) == {
        "found": True,
        "intact": True,
        "synthetic": True,
        "signer": c2pa.SELF_MADE,
        "trusted": False,
    }
    assert read_marks(signed) == {"synthetic": False}
    data = bytearray(signed.read_bytes())
    place = data.rindex(b"mdat") + 60
    data[place] ^= 1
    signed.write_bytes(data)
    assert c2pa.read_credentials(signed)["intact"] is False
    ffmpeg("-i", clip, "-c", "copy", tmp_path / "again.mp4")
    assert c2pa.read_credentials(tmp_path / "again.mp4") == {"found": False}


@needs_c2pa
def test_the_users_own_certificate(make_clip: MakeClip, tmp_path: Path) -> None:
    made, other = c2pa.make_identity(), c2pa.make_identity()
    (tmp_path / "chain.pem").write_bytes(made.chain)
    (tmp_path / "key.pem").write_bytes(made.key)
    (tmp_path / "other.pem").write_bytes(other.key)
    identity = c2pa.read_identity(tmp_path / "chain.pem", tmp_path / "key.pem")
    assert identity == made
    c2pa.sign(make_clip("a.mp4", 2), tmp_path / "signed.mp4", "a.mp4", identity)
    assert c2pa.read_credentials(tmp_path / "signed.mp4")["intact"]
    for certificate, key, fact in (
        ("chain.pem", "other.pem", "not the key of the certificate"),
        ("key.pem", "key.pem", "is no certificate"),
        ("chain.pem", "chain.pem", "is no private key"),
        ("none.pem", "key.pem", "cannot be read"),
    ):
        with pytest.raises(InputError, match=fact):
            c2pa.read_identity(tmp_path / certificate, tmp_path / key)
