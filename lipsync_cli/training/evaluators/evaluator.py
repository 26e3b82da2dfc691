"""How a network is doing: figures on clips it does not train on, and pictures."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.training.evaluators.sample_grid import PAIRS, write_pair, write_sample_grid
from lipsync_cli.training.evaluators.validation import validate

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.training.engine.batch_source import Source

GRID_ROWS = 8
_FRAMES = 5  # of each clip, from which what is shown is chosen


class Evaluator(Protocol):
    """What the loop asks of an evaluator; it asks again and again, and the same samples are looked at each time."""

    def measure(self, network: nn.Module) -> dict[str, Any]:
        """Give the figures of a validation; none where no clip is held out."""

    def rank(self, figures: dict[str, Any]) -> float:
        """Say how good these figures are: the network with the highest rank is kept as the best."""

    def describe(self, figures: dict[str, Any]) -> str:
        """Put the figures into one line for a reader."""

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Put the figures into lines of Markdown, with whatever they must be compared to."""

    def show(self, network: nn.Module, path: Path) -> None:
        """Draw a sample grid as PNG."""


class GeneratorEvaluator:
    """Generators: PSNR and SSIM of crop and mouth beside the baselines, and generated faces beside real ones."""

    def __init__(self, source: Source, held_out: Source | None) -> None:
        self.shown = held_out or source
        self.held_out = held_out

    def measure(self, network: nn.Module) -> dict[str, Any]:
        """Compute PSNR and SSIM of a fixed draw of the held-out clips, see `validate`."""
        if self.held_out is None:
            return {}
        source = self.held_out
        draw = source.table.draw_evaluation(source.config.validation_frames)
        figures = validate(network, source.crops, source.table, draw, source.mouth_region, source.device)
        return {"split": source.split, **figures}

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the mouth's PSNR in dB."""
        return figures["model/mouth_psnr"]

    def describe(self, figures: dict[str, Any]) -> str:
        """Name the mouth's PSNR, what it is worth beside the baselines, and the crop's SSIM."""
        return (
            f"mouth PSNR {figures['model/mouth_psnr']:.2f} dB, {figures['over_copy_db']:+.2f} over copying, "
            f"{figures['over_wrong_audio_db']:+.2f} over mismatched audio, "
            f"SSIM of the crop {figures['model/crop_ssim']:.4f}, movement {figures['model/movement']:.2f} of the real"
        )

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the model and its baselines."""
        rows = [("this model", "model"), ("copy the reference", "copy"), ("mismatched audio", "wrong_audio")]
        table = [
            f"Means over frames of the split `{figures['split']}`:",
            "",
            "| | crop PSNR (dB) | crop SSIM | mouth PSNR (dB) |",
            "|---|---|---|---|",
        ]
        for title, row in rows:
            crop, ssim, mouth = (figures[f"{row}/{name}"] for name in ("crop_psnr", "crop_ssim", "mouth_psnr"))
            table.append(f"| {title} | {crop:.2f} | {ssim:.4f} | {mouth:.2f} |")
        return [*table, "", "The ground truth scores infinite PSNR and SSIM 1 by definition."]

    def show(self, network: nn.Module, path: Path) -> None:
        """Draw a grid of the middle frames of several clips, and beside it a frame of a speaker drawn at random."""
        table = self.shown.table
        draw = table.draw_evaluation(_FRAMES)
        _, first, count = np.unique(table.clip_of[draw.target], return_index=True, return_counts=True)
        middle = first + count // 2
        pick = middle[np.linspace(0, len(middle) - 1, min(GRID_ROWS, len(middle))).astype(int)]
        write_sample_grid(path, network, self.shown.gather(Draw(*(frames[pick] for frames in draw))))
        speakers = dict(zip(table.rows, table.speaker.tolist(), strict=True))
        speaker_of = np.array([speakers[row] for row in table.clip_of[draw.target]])
        rng = np.random.default_rng([self.shown.config.seed, zlib.crc32(path.stem.encode())])
        speaker = rng.choice(np.unique(speaker_of))
        one = rng.choice(np.flatnonzero(speaker_of == speaker), 1)
        batch = self.shown.gather(Draw(*(frames[one] for frames in draw)))
        write_pair(path.parent / PAIRS / path.name, network, batch, str(speaker))
