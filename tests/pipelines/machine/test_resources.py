"""What the machine offers, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync_cli.pipelines.machine.resources import find_cache

STRANGER = """
import os
from lipsync_cli.pipelines.machine.resources import cache_folder, find_cache
for name in ("LIPSYNC_CACHE", "HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
os.setuid(54321)
print(cache_folder(), find_cache(cache_folder(), print))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become somebody else")
def test_a_user_without_a_home_has_no_cache() -> None:
    """As in containers that are started with a number for a user."""
    done = subprocess.run([sys.executable, "-c", STRANGER], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("None None\n", "")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_folder_that_takes_no_files_is_no_cache() -> None:
    """Of /proc the permissions promise that it does, to the superuser at least."""
    said: list[str] = []
    assert find_cache(Path("/proc"), said.append) is None
    assert said == ["/proc: the cache cannot be used, what is found out is not kept (permission denied)"]
