"""The thesis's test on a pack's held-out clips, with the control rows that say what its figures are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lipsync_cli.data.batches import MIN_GAP, Draw, FrameTable, gather
from lipsync_cli.errors import InputError
from lipsync_cli.scoring.metrics.reconstruction import measure
from lipsync_cli.scoring.scores import COPY, MODEL, TRUTH, WRONG, Scores

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.data.batches import Batch
    from lipsync_cli.data.reader import Pack
    from lipsync_cli.data.weights import WeightsHeader

_NOTES = [
    f"copy: the reference frame itself, at least {MIN_GAP} frames from the target",
    "wrong audio: the model with the sound of a random frame of another clip",
    "ground truth: the target against itself, through the same path",
    "the model is given the target's upper half, the copy is not: compare the two at the mouth",
]
_NOTE_ONE_CLIP = f"one clip only: the wrong audio is from the same clip, at least {MIN_GAP} frames away"


class Sheet(NamedTuple):
    """Sample crops for the eye, one line a clip.

    Attributes
    ----------
    labels : one a line
    columns : name -> shape (lines, S, S, 3), uint8 RGB
    """

    labels: list[str]
    columns: dict[str, np.ndarray]


def check_fits(pack: Pack, header: WeightsHeader, weights: object) -> None:
    """Raise InputError if the weights were trained on other crops or other mels than the pack holds."""
    from lipsync_cli.faces.crop import check_same

    try:
        check_same(pack.crop_rule, header.crop_rule)
        pack.mel_parameters.check_same(header.mel_parameters)
    except InputError as error:
        hint = f"use {weights} with a pack made like the one they were trained on"
        raise InputError(f"{error.fact} (first the pack's, then the weights')", pack.path, hint) from error


def score_pack(
    pack: Pack,
    generator: nn.Module,
    split: str = "test",
    max_frames: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    batch_size: int = 32,
    progress: Callable[[int, int | None, str], None] | None = None,
) -> tuple[Scores, Draw]:
    """Let a generator speak the clips of a split and compare its crops with the real ones.

    Parameters
    ----------
    generator : in evaluation mode, on `device`
    split : "test", "val" or "train"
    max_frames : spread so many frames evenly over the clips (at least one each); None = every frame with a face
    seed : of the reference frames and of the wrong audio; equal seeds give equal rows
    progress : called with frames done, frames in all, and what is being done

    Returns
    -------
    scores with the rows model, copy, wrong_audio and ground_truth, and the frames drawn, in the same order

    Raises
    ------
    NothingToDoError : if the split has no clip with enough faces

    Notes
    -----
    Crops are compared as 8-bit pixels, as a file would hold them. The real crop is the pack's, so that what its JPEG
    compression lost counts against nobody.
    """
    table, draw = _draw(pack, split, max_frames, seed)
    mouth = pack.crop_rule.mouth_region()
    parts: dict[str, list[dict[str, np.ndarray]]] = {}
    for first in range(0, len(draw.target), batch_size):
        part = Draw(*(frames[first : first + batch_size] for frames in draw))
        images = generate_rows(generator, gather(pack, table, part, device))
        for row, pixels in images.items():
            parts.setdefault(row, []).append(measure(pixels, images[TRUTH], mouth))
        if progress is not None:
            progress(min(first + batch_size, len(draw.target)), len(draw.target), "score")
    rows = {
        row: {metric: np.concatenate([part[metric] for part in measured]) for metric in measured[0]}
        for row, measured in parts.items()
    }
    clip_rows = table.clip_of[draw.target]
    used, clip = np.unique(clip_rows, return_inverse=True)
    scores = Scores(
        rows=rows,
        clip=clip,
        clip_names=[str(pack.clips[row]["name"]) for row in used],
        speakers=[str(pack.clips[row]["speaker"]) for row in used],
        frame=draw.target - pack.clips["first_frame"][clip_rows],
        differences=((MODEL, COPY), (MODEL, WRONG)),
        facts={
            "pack": str(pack.path),
            "fingerprint": pack.fingerprint,
            "split": split,
            "seed": seed,
            "frames": len(draw.target),
            "clips": len(used),
            "min_gap_frames": MIN_GAP,
            "crop_size": pack.crop_rule.size,
            "mouth_rows_columns": [int(edge) for edge in mouth],
        },
        notes=_NOTES + ([_NOTE_ONE_CLIP] if len(table.rows) == 1 else []),
    )
    return scores, draw


def plan_pack(pack: Pack, split: str = "test", max_frames: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Say what `score_pack` would score."""
    table, draw = _draw(pack, split, max_frames, seed)
    return {"pack": str(pack.path), "split": split, "clips": len(table.rows), "frames": len(draw.target)}


def _draw(pack: Pack, split: str, max_frames: int | None, seed: int) -> tuple[FrameTable, Draw]:
    table = FrameTable(pack, split)
    per_clip = len(table.clip_of) if max_frames is None else max(1, max_frames // len(table.rows))
    return table, table.draw_evaluation(per_clip, seed)


def generate_rows(generator: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
    """Make the crops of every row: name -> shape (B, S, S, 3), uint8 RGB."""
    import torch

    with torch.inference_mode():
        right = generator(batch.reference, batch.target, batch.mel).image
        wrong = generator(batch.reference, batch.target, batch.wrong_mel).image
    rows = {MODEL: right, COPY: batch.reference, WRONG: wrong, TRUTH: batch.target}
    return {row: to_pixels(images) for row, images in rows.items()}


def to_pixels(images: Tensor) -> np.ndarray:
    """Round images to what a file would hold: shape (B, 3, S, S) in [0, 1] to (B, S, S, 3) uint8."""
    return (images * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def draw_sheet(
    pack: Pack, generator: nn.Module, scores: Scores, draw: Draw, device: str = "cpu", lines: int = 8
) -> Sheet:
    """Make sample crops of several clips, speakers taken in turn.

    Of each clip the frame whose mouth differs most from the reference's is shown (the lowest copy row): there the
    generator has the most to do, and the choice does not depend on the generator.
    """
    chosen = [_hardest_frame(scores, clip) for clip in _clips_in_turn(scores, lines)]
    part = Draw(*(frames[chosen] for frames in draw))
    table = FrameTable(pack, scores.facts["split"])
    images = generate_rows(generator, gather(pack, table, part, device))
    names = {"reference": COPY, "real": TRUTH, "model": MODEL, "wrong audio": WRONG}
    labels = [_label(scores, index) for index in chosen]
    return Sheet(labels, {name: images[row] for name, row in names.items()})


def _clips_in_turn(scores: Scores, number: int) -> list[int]:
    """Choose clips: the first of each speaker, then the second of each, and so on; sorted."""
    seen: dict[str, int] = {}
    ranked = []
    for clip, speaker in enumerate(scores.speakers):
        seen[speaker] = seen.get(speaker, 0) + 1
        ranked.append((seen[speaker], clip))
    return sorted(clip for _, clip in sorted(ranked)[:number])


def _hardest_frame(scores: Scores, clip: int) -> int:
    indices = np.flatnonzero(scores.clip == clip)
    return int(indices[np.argmin(scores.rows[COPY]["mouth_psnr"][indices])])


def _label(scores: Scores, index: int) -> str:
    clip = scores.clip[index]
    return f"{scores.speakers[clip]}/{scores.clip_names[clip]}\nframe {scores.frame[index]}"


def describe_weights(header: WeightsHeader, generator: nn.Module) -> dict[str, Any]:
    """Say which weights were scored, JSON-able."""
    return {
        "name": header.name,
        "sha256": header.sha256,
        "architecture": header.architecture,
        "parameters": sum(p.numel() for p in generator.parameters() if p.requires_grad),
        "recipe": header.recipe,
        "samples_seen": header.samples_seen,
    }
