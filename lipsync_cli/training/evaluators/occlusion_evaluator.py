"""How a network that finds what lies over faces is doing: on things drawn over faces that it does not train on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lipsync_cli.runtime.atomic_files import atomic_output

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.training.engine.batch_source import Source

SEED = 7
_TOGETHER = 64  # faces
SHOWN, COLUMNS = 24, 8  # faces in a grid, and in a row of it
ENLARGED = 2
_PREFIX = "occlusion/"


class OcclusionEvaluator:
    """Occlusion networks: how much is found of what covers held-out faces, and how much where nothing does.

    Parameters
    ----------
    cover : draws things over the targets of a batch, see `recipes.auxiliary.occlusion.cover`
    """

    def __init__(self, source: Source, held_out: Source | None, cover: Callable[[Batch, Generator], Any]) -> None:
        self.source, self.held_out, self._cover = held_out or source, held_out, cover

    def measure(self, network: Any) -> dict[str, Any]:
        """Compute overlap (IoU), what is found, and what is found where nothing is, over all places."""
        if self.held_out is None:
            return {}
        found, covered = (np.concatenate(parts) for parts in zip(*self._compare(network), strict=True))
        both, either = int((found & covered).sum()), int((found | covered).sum())
        bare = ~covered.any((1, 2))
        figures = {
            "iou": both / max(1, either),
            "found": both / max(1, int(covered.sum())),
            "false": float(found[bare].mean()) if bare.any() else 0.0,
        }
        return {"split": self.source.split, **{_PREFIX + name: round(value, 4) for name, value in figures.items()}}

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by the overlap."""
        return float(figures[_PREFIX + "iou"])

    def describe(self, figures: dict[str, Any]) -> str:
        """Name all three."""
        iou, found, false = (figures[_PREFIX + name] for name in ("iou", "found", "false"))
        return f"overlap {iou:.3f}, found {100 * found:.1f} %, of bare faces {100 * false:.2f} % taken for covered"

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the figures."""
        titles = {
            "iou": "overlap (IoU) of what is found with what was drawn",
            "found": "share of what was drawn that is found",
            "false": "share of uncovered faces that is taken for covered",
        }
        table = [
            f"On clips of the split `{figures['split']}`, things drawn over six faces of ten:",
            "",
            "| | |",
            "|---|---|",
        ]
        return table + [f"| {title} | {figures[_PREFIX + name]:.4f} |" for name, title in titles.items()]

    def show(self, network: Any, path: Path) -> None:
        """Draw faces, and under each the same with what is found in it in red."""
        import cv2

        batch = next(self._batches())
        logits = self._logits(network, batch)[:SHOWN]
        faces = (255 * batch.face[:SHOWN]).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        share = torch.sigmoid(logits).cpu().numpy()[..., None]
        marked = (faces + share * (np.array([255.0, 0.0, 0.0]) - faces)).astype(np.uint8)
        blank = np.zeros((-len(faces) % COLUMNS, *faces.shape[1:]), np.uint8)
        faces, marked = (np.concatenate([part, blank]) for part in (faces, marked))
        rows = [
            np.hstack(list(part[first : first + COLUMNS]))
            for first in range(0, len(faces), COLUMNS)
            for part in (faces, marked)
        ]
        grid = cv2.resize(np.vstack(rows), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        with atomic_output(path, force=True) as temporary:
            done, encoded = cv2.imencode(".png", grid[:, :, ::-1])
            assert done
            temporary.write_bytes(encoded.tobytes())

    def _compare(self, network: Any) -> Any:
        """Give for each part of the clips what is found and what is there, (n, S / 3, S / 2) bool."""
        for batch in self._batches():
            yield (self._logits(network, batch) > 0).cpu().numpy(), (batch.opacity > 0.5).cpu().numpy()

    def _batches(self) -> Any:
        source, table = self.source, self.source.table
        draw = table.draw_evaluation(source.config.validation_frames)
        generator = torch.Generator().manual_seed(SEED)
        for first in range(0, len(draw.target), _TOGETHER):
            part = type(draw)(*(frames[first : first + _TOGETHER] for frames in draw))
            yield self._cover(source.gather(part), generator)

    def _logits(self, network: Any, batch: Any) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = network(batch.face, batch.reference, batch.other)
        return logits
