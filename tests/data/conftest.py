"""Fixtures of the tests of the stores."""

import pytest
from stores import write_faces, write_mels


@pytest.fixture
def stores(tmp_path):
    """faces.h5 and mels.h5 of 2 speakers with 5 and 2 clips of 15 frames."""
    names = [("s1", f"clip{number}") for number in range(5)] + [("s2", "a"), ("s2", "b")]
    write_faces(tmp_path / "faces.h5", [(*name, 15) for name in names], faceless=(3, 20))
    write_mels(tmp_path / "mels.h5", [(*name, 48) for name in names])
    return tmp_path / "faces.h5", tmp_path / "mels.h5"
