"""The JSON file beside a film: what went in, how it was made, and the hash by which the two belong together."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

from lipsync_cli import __version__
from lipsync_cli.errors import InputError
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.json_values import check_object, check_type, read_json

FORMAT = "lipsync-sidecar"
FORMAT_VERSION = 1


def sidecar_of(film: str | Path) -> Path:
    """Return the name of a film's sidecar: the film's, and `.json`."""
    film = Path(film)
    return film.with_name(film.name + ".json")


def write_sidecar(
    film: Path,
    finished: Path,
    inputs: dict[str, Path],
    weights: dict[str, str],
    marks: dict[str, Any],
    details: dict[str, Any],
    *,
    force: bool = False,
) -> Path:
    """Write the sidecar of a film.

    Parameters
    ----------
    film : the film's name
    finished : where its whole content lies now
    inputs : the files it was made of, by their role
    weights : name and sha256
    marks : what marks the film carries, or why none
    details : options and the like

    Returns
    -------
    the sidecar's name
    """
    record = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "synthetic": True,
        "version": __version__,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "film": {"name": film.name, "bytes": finished.stat().st_size, "sha256": hash_file(finished)},
        "inputs": {
            role: {"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
            for role, path in inputs.items()
        },
        "weights": weights,
        "marks": marks,
        **details,
    }
    path = sidecar_of(film)
    with atomic_output(path, force) as temporary:
        temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return path


def read_sidecar(film: str | Path) -> dict[str, Any]:
    """Look for the sidecar of a film and compare the hash.

    Returns
    -------
    `found`, and where it is True `matches` (it is this film's, unchanged), `marks` and `time`
    """
    path = sidecar_of(film)
    if not os.path.lexists(path):
        return {"found": False}
    try:
        record = check_object(read_json(path), "it")
        if record.get("format") != FORMAT:
            return {"found": False}
        about = check_type(record.get("film"), dict[str, Any], "film")
        marks = check_type(record.get("marks"), dict[str, Any], "marks")
        time = check_type(record.get("time"), str, "time")
        return {"found": True, "matches": about.get("sha256") == hash_file(Path(film)), "marks": marks, "time": time}
    except (OSError, InputError) as error:
        fact = error.fact if isinstance(error, InputError) else error.strerror or str(error)
        return {"found": False, "fact": f"there is one, but it cannot be read ({fact})"}
