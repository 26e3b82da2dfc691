"""Sample crops for the eye: of several clips, the frame in which the generator has the most to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.metrics.baselines import COPY, MISMATCHED, MODEL, TRUTH, generate_rows
from lipsync_cli.metrics.image.reconstruction import psnr
from lipsync_cli.models import hears
from lipsync_cli.models.mel_shape import mel_shape_of

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.formats.pack_file import Pack

CHANGE_SCALE = 8  # a change of 32 levels is white


class Sheet(NamedTuple):
    """Sample crops, one line a clip.

    Attributes
    ----------
    labels : one a line
    columns : name -> shape (lines, S, S, 3), uint8 RGB
    """

    labels: list[str]
    columns: dict[str, np.ndarray]


def draw_sheet(
    pack: Pack,
    generator: nn.Module,
    split: str,
    draw: Draw,
    *,
    device: str = "cpu",
    lines: int = 8,
    heard: np.ndarray | None = None,
) -> Sheet:
    """Make sample crops of several clips, speakers taken in turn.

    Of each clip the frame whose mouth differs most from the reference's is shown: there the generator has the most to
    do, and the choice does not depend on the generator. The last column is the change from the real crop, enlarged: the
    upper half is given to the generator, so what changes there, the thesis's artefacts at the eyes (7.16), is its own.

    Parameters
    ----------
    split, draw, heard : as `score_pack` was given and gave
    """
    table = FrameTable(pack, split, heard, hears(generator), mel_shape_of(generator)[1])
    clip_of = table.clip_of[draw.target]
    clips = _clips_in_turn([str(pack.clips[row]["speaker"]) for row in table.rows], table.rows, lines)
    chosen = np.array([_hardest(pack, draw, np.flatnonzero(clip_of == clip)) for clip in clips])
    part = Draw(*(frames[chosen] for frames in draw))
    images = generate_rows(generator, gather(pack, table, part, device))
    names = {"reference": COPY, "real": TRUTH, "model": MODEL, "mismatched audio": MISMATCHED}
    columns = {name: images[row] for name, row in names.items()}
    columns[f"change x {CHANGE_SCALE}"] = _enlarge_change(images[MODEL], images[TRUTH])
    labels = [_label(pack, int(clip_of[index]), int(draw.target[index])) for index in chosen]
    return Sheet(labels, columns)


def _enlarge_change(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Make visible what differs from the real crop, at the eyes above all: shape (n, S, S, 3), uint8."""
    change = np.abs(np.subtract(generated, real, dtype=np.int16)) * CHANGE_SCALE
    return change.clip(0, 255).astype(np.uint8)


def _clips_in_turn(speakers: list[str], rows: list[int], number: int) -> list[int]:
    """Choose clips: the first of each speaker, then the second of each, and so on; sorted."""
    seen: dict[str, int] = {}
    ranked = []
    for row, speaker in zip(rows, speakers, strict=True):
        seen[speaker] = seen.get(speaker, 0) + 1
        ranked.append((seen[speaker], row))
    return sorted(row for _, row in sorted(ranked)[:number])


def _hardest(pack: Pack, draw: Draw, indices: np.ndarray) -> int:
    copies, targets = (pack.read_crops(frames[indices]) for frames in (draw.reference, draw.target))
    return int(indices[np.argmin(psnr(copies, targets, pack.crop_rule.mouth_region()))])


def _label(pack: Pack, row: int, target: int) -> str:
    clip = pack.clips[row]
    return f"{clip['speaker']}/{clip['name']}\nframe {target - clip['first_frame']}"
