"""A small pack for the tests of the training room."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def stores() -> ModuleType:
    """Writers of small stores."""
    spec = importlib.util.spec_from_file_location("stores", Path(__file__).parent.parent / "data" / "stores.py")
    stores = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stores)
    return stores


@pytest.fixture(scope="session")
def small_pack(stores: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers with 5 and 2 clips of 20 frames of smooth pictures; one test clip."""
    from lipsync_cli.data.pack import Split, pack

    folder = tmp_path_factory.mktemp("pack")
    names = [("s1", f"clip{number}") for number in range(5)] + [("s2", "a"), ("s2", "b")]
    stores.write_faces(folder / "faces.h5", [(*name, 20) for name in names], faceless=(3,))
    stores.write_mels(folder / "mels.h5", [(*name, 64) for name in names])
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(2, 0, None, ()))
    return folder / "pack.h5"
