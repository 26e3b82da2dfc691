"""examples/swap: from two folders to a video and a table, and the ablation; and what its score counts."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command

from lipsync_cli import cli

ROOT = Path(__file__).resolve().parents[2]
LIPSYNC = f"{sys.executable} -m lipsync_cli"


def plan(out: Path, *arguments: str) -> str:
    """Say what the Makefile would run."""
    variables = [f"LIPSYNC={LIPSYNC}", f"PYTHON={sys.executable}", f"OUT={out}", "--dry-run", *arguments]
    line = ["make", "-C", str(ROOT / "examples" / "swap"), *variables]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def words_of(planned: str) -> list[list[str]]:
    lines = [line for line in planned.splitlines() if f"{LIPSYNC} " in line]
    return [line.split(f"{LIPSYNC} ")[1].split() for line in lines]


@pytest.fixture(scope="module")
def score() -> ModuleType:
    path = ROOT / "examples" / "swap" / "score.py"
    spec = importlib.util.spec_from_file_location("swap_score", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_are_well_formed_and_in_their_order(tmp_path: Path) -> None:
    for given in (("SMALL=1",), ("FILMS=films", "FROM=ann", "TO=bob", "FILM=film.mp4")):
        planned = plan(tmp_path / "out", *given)
        words = words_of(planned)
        assert [name for name, *_ in words] == ["detect-faces", "mels", "pack", "train", "swap"]
        assert planned.index(" swap ") < planned.index("score.py")
        group = get_command(cli.app)
        assert isinstance(group, TyperGroup)
        for name, *arguments in words:
            command = group.get_command(Context(group), name)
            assert command is not None
            command.make_context(name, list(arguments))  # raises on an option that does not exist


def test_the_ablation_leaves_out_one_part_each(tmp_path: Path) -> None:
    planned = plan(tmp_path / "out", "SMALL=1", "ablation")
    trained = {
        re.search(r"/([a-z-]+)/run", " ".join(words))[1]: words for words in words_of(planned) if words[0] == "train"
    }
    assert trained.keys() == {"whole", "no-attention", "no-gan", "no-exchange"}
    assert " ".join(trained["no-attention"]).endswith("--attention none")
    assert " ".join(trained["no-gan"]).endswith("--adversarial-weight 0")
    assert " ".join(trained["no-exchange"]).endswith("--no-exchange")


def test_a_border_that_shows_counts_more(score: ModuleType) -> None:
    places = np.full((68, 2), 0.5)
    angle = np.linspace(np.pi, 0, 17)
    places[:17] = np.stack([0.5 + 0.3 * np.cos(angle), 0.35 + 0.45 * np.sin(angle)], 1)
    places[17:27] = np.stack([np.linspace(0.25, 0.75, 10), np.full(10, 0.27)], 1)
    places[27] = 0.5, 0.35
    plain = np.full((score.SIDE, score.SIDE, 3), 100, np.uint8)
    assert score.across_border(plain, places) == 0
    hull = (score.head_hull(places) * score.SIDE).astype(np.int32)
    pasted = score.cv2.fillConvexPoly(plain.copy(), hull, (160, 160, 160))
    assert score.across_border(pasted, places) == pytest.approx(60, abs=6)


def test_correlation_counts_frames_that_both_have(score: ModuleType) -> None:
    one = np.array([1.0, 2.0, np.nan, 4.0, 7.0])
    assert score.correlate(one, 3 * one) == pytest.approx(1.0)
    assert score.correlate(one, np.array([2.0, 4.0, 9.0, np.nan, 14.0])) == pytest.approx(1.0)
