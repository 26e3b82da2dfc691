"""A sidecar that somebody has changed is told of, and is never more than that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lipsync_cli.provenance.sidecar import read_sidecar, sidecar_of, write_sidecar


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    write_sidecar(path, path, {}, {}, {"metadata": "yes"}, {})
    return path


def change(path: Path, **values: Any) -> bytes:
    record = json.loads(sidecar_of(path).read_bytes())
    return json.dumps(record | values).encode()


def test_it_matches_its_film_until_that_changes(film: Path) -> None:
    assert read_sidecar(film)["matches"]
    film.write_bytes(b"another")
    assert not read_sidecar(film)["matches"]


def test_one_that_is_odd_cannot_be_read(film: Path) -> None:
    odd = {
        "deep": b"[" * 100_000,
        "encoding": b'{"format": "\xff"}',
        "list": b"[3]",
        "film": change(film, film=[1]),
        "marks": change(film, marks=["a"]),
        "time": change(film, time={}),
        "more": change(film, more=10**30),
    }
    for name, data in odd.items():
        sidecar_of(film).write_bytes(data)
        found = read_sidecar(film)
        assert found["found"] is False, name
        assert "it cannot be read (" in found["fact"], name


def test_none_is_none(film: Path) -> None:
    sidecar_of(film).unlink()
    assert read_sidecar(film) == {"found": False}
