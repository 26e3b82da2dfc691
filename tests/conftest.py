"""Fixtures that all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests themselves run side by side

import pytest

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real clips and real speech; the test is skipped where there is none."""
    folder = Path(os.environ.get("LIPSYNC_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder}; set LIPSYNC_TEST_DATA to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def lipsync() -> Run:
    """Run the command line in its own process: `lipsync("info", path)` -> CompletedProcess with stdout and stderr."""

    def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lipsync_cli", *map(str, args)]
        settings = {"capture_output": True, "text": True, "timeout": 300, "stdin": subprocess.DEVNULL} | options
        return subprocess.run(command, check=False, **settings)  # type: ignore[call-overload]

    return run
