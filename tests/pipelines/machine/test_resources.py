"""What the machine offers, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
