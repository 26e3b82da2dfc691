"""A real browser: `make test-browser` installs it into a folder that LIPSYNC_BROWSER then names."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

USUAL_VIEW = {"width": 1280, "height": 900, "dark": False}
DRIVER = Path(__file__).with_name("drive.mjs")


class Seen(NamedTuple):
    """What came of a visit.

    Attributes
    ----------
    result : what the code returned
    requests : addresses that the page asked for, beside itself and what it holds
    problems : what it wrote to the console as error or warning, and exceptions that nobody caught
    origin : where its folder was served; empty: nowhere
    """

    result: Any
    requests: list[str]
    problems: list[str]
    origin: str


Browse = Callable[..., Seen]


@pytest.fixture(scope="session")
def browser_dir() -> Path:
    """Folder with the browser and ONNX Runtime for it, of the versions in package-lock.json."""
    folder = os.environ.get("LIPSYNC_BROWSER")
    if not folder:
        pytest.skip("needs a browser: make test-browser installs one and sets LIPSYNC_BROWSER")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def browse(browser_dir: Path) -> Browse:
    """Run JavaScript beside a page: `browse(code, values=None, folder=None, width=1280, height=900, dark=False)`.

    `drive.mjs` says what the code sees; `dark` asks for dark colours.
    """
    temporary = browser_dir / "tmp"
    temporary.mkdir(exist_ok=True)

    def visit(code: str, values: Any = None, folder: Path | None = None, **view: Any) -> Seen:
        order = {"code": code, "values": values, "folder": folder and str(folder), **USUAL_VIEW, **view}
        done = subprocess.run(
            ["node", "--input-type=module", "--eval", DRIVER.read_text(encoding="utf-8")],  # imports from `cwd`
            input=json.dumps(order),
            cwd=browser_dir,
            env=os.environ | {"TMPDIR": str(temporary)},  # where the browser is unpacked, once
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Seen(**json.loads(done.stdout))

    return visit
