"""The examples do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = "--generator compact --recipe l1 --batch-size 2 --max-samples 4"


def make(clips: Path, out: Path, *arguments: str) -> str:
    """Run the Makefile of examples/grid; return what it printed."""
    variables = [f"LIPSYNC={sys.executable} -m lipsync_cli", f"GRID={clips}", f"OUT={out}", "SPEAKERS=ann bob"]
    variables += [f"TRAIN={SMALL}", "SPLIT=--test-per-speaker 1"]
    line = ["make", "-C", str(ROOT / "examples" / "grid"), *variables, *arguments]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_grid_makefile_names_each_verb_once(clip_folder: Path, tmp_path: Path) -> None:
    planned = make(clip_folder, tmp_path / "out", "--dry-run")
    for verb in ("detect-faces", "mels", "pack", "train", "score"):
        assert planned.count(f"lipsync_cli {verb} ") == 1


@pytest.mark.slow
def test_grid_makefile_from_clips_to_scores_and_then_nothing_more(clip_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(clip_folder, out, "-j2")
    assert (out / "runs" / "lipgan" / "scores" / "table.txt").read_text()
    assert "lipsync_cli" not in make(clip_folder, out)
    (clip_folder / "ann" / "a1.mp4").touch()
    assert make(clip_folder, out, "--dry-run").count("lipsync_cli") == 5
