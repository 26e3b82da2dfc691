"""Sample grids: what the generator gives, beside what is real, as PNG; and what a whole run has shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.baselines import to_pixels
from lipsync_cli.runtime.atomic_files import atomic_output

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.datasets.batch import Batch

COLUMNS = ("reference", "blanked target", "generated", "real", "mismatched audio")
PAIRS = "pairs"  # folder beside the grids
MOST_PAIRS, PAIRS_A_LINE = 20, 5  # of the montage, as in the thesis: one of each of its 20 epochs
MOST_MOMENTS = 12  # of the strip
_HEADER, _GAP = 18, 6  # pixels


def write_sample_grid(path: Path, generator: nn.Module, batch: Batch) -> None:
    """Draw a row a sample: reference, the target as the generator gets it, generated, real, and to mismatched audio."""
    import torch

    with torch.inference_mode():
        generated = generator(batch.reference, batch.target, batch.speech).image
        mismatched = generator(batch.reference, batch.target, batch.mismatched_speech).image
    blanked = batch.target.clone()
    blanked[:, :, blanked.shape[2] // 2 :] = 0
    strips = [batch.reference, blanked, generated, batch.target, mismatched]
    rows = torch.cat([strip.clamp(0, 1) for strip in strips], 3).permute(0, 2, 3, 1)
    grid = (rows.flatten(0, 1) * 255).round().byte().cpu().numpy()
    _write(path, np.concatenate([_title(COLUMNS, grid.shape[1] // len(COLUMNS)), grid]))


def write_columns(path: Path, titles: Sequence[str], rows: np.ndarray, enlarged: int) -> None:
    """Draw rows of pictures of one size under titles.

    Parameters
    ----------
    rows : shape (n, S, columns x S, 3) uint8 RGB
    enlarged : pixels along a side of one of these
    """
    import cv2

    grid = cv2.resize(np.concatenate(list(rows)), None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    _write(path, np.concatenate([_title(titles, grid.shape[1] // len(titles)), grid]))


def write_pair(path: Path, generator: nn.Module, batch: Batch, speaker: str) -> None:
    """Draw the first sample as it is generated, and beside it the real face, under the grid's name and the speaker's.

    Parameters
    ----------
    path : named by the samples that the generator has seen
    """
    import torch

    with torch.inference_mode():
        generated = generator(batch.reference[:1], batch.target[:1], batch.speech[:1]).image
    pair = np.concatenate([to_pixels(generated)[0], to_pixels(batch.target)[0]], 1)
    path.parent.mkdir(exist_ok=True)
    _write(path, np.concatenate([_title([f"{_count(path)}, {speaker}"], pair.shape[1]), pair]))


def draw_montage(grids: Path, path: Path) -> None:
    """Draw pairs of generated and real faces, in the order of the run (7.7 and 7.12 of the thesis).

    Parameters
    ----------
    grids : the folder of the run's sample grids; without pairs beside them nothing is drawn
    """
    pairs = [_read(file) for file in _spread(sorted((grids / PAIRS).glob("*.png")), MOST_PAIRS)]
    if not pairs:
        return
    height, width = pairs[0].shape[0] + _GAP, pairs[0].shape[1] + _GAP
    columns = min(PAIRS_A_LINE, len(pairs))
    montage = np.full((-(-len(pairs) // columns) * height, columns * width, 3), 255, np.uint8)
    for place, pair in enumerate(pairs):
        y, x = place // columns * height, place % columns * width
        montage[y : y + pair.shape[0], x : x + pair.shape[1]] = pair
    _write(path, montage)


def draw_strip(grids: Path, path: Path) -> None:
    """Draw one face as the run has generated it over time, and at the end the real one (7.9 of the thesis).

    Parameters
    ----------
    grids : the folder of the run's sample grids, whose first line is that face; nothing is drawn of other networks
    """
    files = _spread(sorted(grids.glob("*.png")), MOST_MOMENTS) if (grids / PAIRS).is_dir() else []
    if not files:
        return
    lines = [_read(file) for file in files]
    size = lines[0].shape[1] // len(COLUMNS)
    faces = [_cut(line, "generated", size) for line in lines] + [_cut(lines[-1], "real", size)]
    titles = [f"{_count(file)}" for file in files] + ["real"]
    _write(path, np.concatenate([_title(titles, size), np.concatenate(faces, 1)]))


def _cut(grid: np.ndarray, column: str, size: int) -> np.ndarray:
    first = COLUMNS.index(column) * size
    return grid[_HEADER : _HEADER + size, first : first + size]


def _count(path: Path) -> str:
    """Spell the samples that a picture is named by."""
    return f"{int(path.stem):,}" if path.stem.isdigit() else path.stem


def _spread(files: list[Path], most: int) -> list[Path]:
    """Choose files spread evenly, the first and the last among them."""
    return [files[place] for place in np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)]


def _title(titles: Sequence[str], width: int) -> np.ndarray:
    """Write a line of titles, each over so many pixels: shape (18, n x width, 3), uint8."""
    import cv2

    header = np.full((_HEADER, len(titles) * width, 3), 255, np.uint8)
    for column, title in enumerate(titles):
        cv2.putText(header, title, (column * width + 3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    return header


def _read(path: Path) -> np.ndarray:
    """Read a picture: shape (H, W, 3), uint8 RGB."""
    import cv2

    picture = cv2.imread(str(path))
    if picture is None:
        raise InputError("is no picture that can be read", path, "remove it")
    return np.ascontiguousarray(picture[:, :, ::-1])


def _write(path: Path, picture: np.ndarray) -> None:
    import cv2

    _, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    with atomic_output(path, force=True) as temporary:  # OpenCV would not say why it cannot write
        temporary.write_bytes(encoded.tobytes())
