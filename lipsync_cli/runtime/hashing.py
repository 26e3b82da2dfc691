"""Hashes of files and of values, for cache keys."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.run_inputs import open_input


def make_key(**what: Any) -> str:
    """Return the key of JSON-able values."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content; InputError if it cannot be read or is no regular file."""
    digest = hashlib.sha256()
    try:
        with os.fdopen(open_input(path), "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error
    return digest.hexdigest()
