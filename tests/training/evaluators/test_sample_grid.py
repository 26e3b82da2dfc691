"""What a run shows: sample grids, pairs, and both over time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from lipsync_cli.errors import InputError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.evaluators.evaluator import GeneratorEvaluator
from lipsync_cli.training.evaluators.sample_grid import draw_montage, draw_strip
from lipsync_cli.training.recipe_config import make_config

SIZE, HEADER, GAP = 96, 18, 6
Limit = Callable[[int], AbstractContextManager[None]]


class Grey(torch.nn.Module):
    """A generator that draws one level of grey."""

    hears = "mel"

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(self, reference: Any, target: torch.Tensor, speech: Any) -> Any:
        return SimpleNamespace(image=torch.full_like(target, self.level / 255))


@pytest.fixture
def shown(small_pack: Path, tmp_path: Path) -> Path:
    """The sample grids of a run that was shown at 30 moments; it draws level 1, 2, ..., 30."""
    with Pack(small_pack) as pack:
        evaluator = GeneratorEvaluator(Source(pack, pack, "train", make_config("l1"), "cpu"), None)
        for moment in range(30):
            evaluator.show(Grey(moment + 1), tmp_path / f"{1000 * moment:09d}.png")
    return tmp_path


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def test_a_full_disk_is_told_with_its_reason(shown: Path, at_most: Limit, capfd: pytest.CaptureFixture[str]) -> None:
    with at_most(1000), pytest.raises(InputError, match=r"strip\.png: cannot be written \(File too large\); make room"):
        draw_strip(shown, shown.parent / "strip.png")
    assert capfd.readouterr().err == ""
    assert not list(shown.parent.glob("*strip*"))


def test_the_strip_is_one_face_at_twelve_moments_and_the_real_one(shown: Path) -> None:
    draw_strip(shown, shown.parent / "strip.png")
    strip = read(shown.parent / "strip.png")
    assert strip.shape == (HEADER + SIZE, 13 * SIZE, 3)
    faces = np.split(strip[HEADER:], 13, axis=1)
    assert [int(face.max()) for face in faces[:12]] == [1, 4, 6, 9, 12, 14, 17, 19, 22, 25, 27, 30]
    assert all(np.ptp(face) == 0 for face in faces[:12])
    last = read(shown / "000029000.png")
    assert (faces[12] == last[HEADER : HEADER + SIZE, 3 * SIZE : 4 * SIZE]).all()


def test_the_montage_has_twenty_pairs_of_random_speakers_in_order(shown: Path) -> None:
    draw_montage(shown, shown.parent / "montage.png")
    montage = read(shown.parent / "montage.png")
    height, width = HEADER + SIZE + GAP, 2 * SIZE + GAP
    assert montage.shape == (4 * height, 5 * width, 3)
    cells = [montage[y + HEADER : y + HEADER + SIZE, x : x + 2 * SIZE] for y in range(0, 4 * height, height)
             for x in range(0, 5 * width, width)]  # fmt: skip
    levels = [int(cell[0, 0, 0]) for cell in cells]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (1, 30)
    assert len({cell[:, SIZE:].tobytes() for cell in cells}) > 3  # not the same face each time


def test_the_same_moment_shows_the_same_speaker_again(shown: Path, small_pack: Path) -> None:
    before = (shown / "pairs" / "000003000.png").read_bytes()
    with Pack(small_pack) as pack:
        evaluator = GeneratorEvaluator(Source(pack, pack, "train", make_config("l1"), "cpu"), None)
        evaluator.show(Grey(4), shown / "000003000.png")
    assert (shown / "pairs" / "000003000.png").read_bytes() == before


def test_other_networks_have_no_strip_and_no_montage(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "000000000.png").write_bytes(b"what an expert draws")
    draw_strip(tmp_path / "sheets", tmp_path / "strip.png")
    draw_montage(tmp_path / "sheets", tmp_path / "montage.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheets"]


def test_a_picture_that_cannot_be_read_is_named(shown: Path) -> None:
    (shown / "000000000.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="no picture that can be read"):
        draw_strip(shown, shown.parent / "strip.png")
