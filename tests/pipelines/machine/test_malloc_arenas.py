"""One arena of malloc for many threads: what they free is used again."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import re, sys, threading, ctypes
from lipsync_cli.pipelines.machine.malloc_arenas import limit_arenas
limit_arenas()
gate = threading.Barrier(6)
def hold():
    room = ctypes.CDLL(None).malloc
    room(5000), gate.wait()
threads = [threading.Thread(target=hold) for _ in range(6)]
[t.start() for t in threads], [t.join() for t in threads]
library = ctypes.CDLL(None)
library.malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's arenas")
@pytest.mark.parametrize(("setting", "arenas"), [({}, 2), ({"MALLOC_ARENA_MAX": "4"}, 4)])
def test_threads_share_two_arenas_unless_the_user_says_otherwise(setting, arenas, monkeypatch):
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    result = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    assert result.stderr.count("Arena ") == arenas
