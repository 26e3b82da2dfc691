"""How a face swap is doing: each person's faces drawn by the own decoder, and by the others'."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.faces.aligned.alignment import BOX_IN_ALIGNED
from lipsync_cli.faces.embedding import distance, find_embedder
from lipsync_cli.metrics.baselines import to_pixels
from lipsync_cli.metrics.image.reconstruction import psnr, ssim
from lipsync_cli.training.evaluators.sample_grid import write_columns

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.face_people import PeopleFaces
    from lipsync_cli.models.swapping.face_swapper import SwapOutput

FACES = 32  # of each person, that are measured
SHOWN = 4  # of each person, in a sample grid
EMBEDDED = 6  # of each person
ENLARGED = 3  # times: what dlib's network is shown of small faces
COLUMNS = ("face", "own decoder", "swapped", "unmasked", "mask")
UNKNOWN = 1000.0  # what the rank of a validation that knows no identity is lower by
_PREFIX = "swap/"


class SwapEvaluator:
    """Face swaps: what the own decoder makes of undistorted faces beside the real ones, and whose the swapped ones are.

    Parameters
    ----------
    people : faces that are looked at
    names : of the people, in the order of the decoders
    split : which clips the faces are of
    learned : those of the people whose faces are none of these, but such as the network learns from
    """

    def __init__(self, people: PeopleFaces, names: Sequence[str], split: str, learned: Sequence[str]) -> None:
        self.people, self.names, self.split, self.learned = people, tuple(names), split, tuple(learned)
        self._real: list[np.ndarray] | None = None

    def measure(self, network: Any) -> dict[str, Any]:
        """Compute PSNR and SSIM of each face by its own decoder, the masks, and whose faces the swapped ones are."""
        own, shares, varied, apart = [], [], [], []
        for person in range(len(self.names)):
            batch = self.people.still(person, self._rows(person, FACES))
            drawn, mask = self._draw(network, batch.target, person)
            real = to_pixels(batch.target)
            own.append((psnr(drawn, real).mean(), ssim(drawn, real).mean()))
            shares.append(mask.mean())
            varied.append(drawn.astype(float).std(0).mean() / max(real.astype(float).std(0).mean(), 1e-6))
            other = (person + 1) % len(self.names)
            swapped, _ = self._draw(network, batch.target[: len(self._rows(person, EMBEDDED))], other)
            if (pair := self._apart(swapped, person, other)) is not None:
                apart.append(pair)
        to, back = np.mean(apart, axis=0) if apart else (None, None)
        figures = {
            "psnr": np.mean([pair[0] for pair in own]),
            "ssim": np.mean([pair[1] for pair in own]),
            "mask": np.mean(shares),
            "variation": np.mean(varied),
            **({} if to is None else {"to": to, "from": back}),
        }
        return {"split": self.split, **{_PREFIX + name: round(float(value), 4) for name, value in figures.items()}}

    def rank(self, figures: dict[str, Any]) -> float:
        """Rank by how much nearer swapped faces are to whom they should show; without embeddings, lower, by PSNR."""
        if _PREFIX + "to" in figures:
            return float(figures[_PREFIX + "from"] - figures[_PREFIX + "to"])
        return float(figures[_PREFIX + "psnr"]) - UNKNOWN

    def describe(self, figures: dict[str, Any]) -> str:
        """Name all of them."""
        told = f"own faces PSNR {figures[_PREFIX + 'psnr']:.2f} dB, SSIM {figures[_PREFIX + 'ssim']:.3f}"
        if _PREFIX + "to" in figures:
            told += f"; swapped {figures[_PREFIX + 'to']:.2f} from whom they show, {figures[_PREFIX + 'from']:.2f} from"
            told += " whose they were"
        return f"{told}; mask {figures[_PREFIX + 'mask']:.2f}"

    def tabulate(self, figures: dict[str, Any]) -> list[str]:
        """Make the table of the figures."""
        titles = {
            "psnr": "PSNR of faces by their own decoder (dB)",
            "ssim": "SSIM of the same",
            "to": "distance of swapped faces to the person shown (dlib; one person: below 0.6)",
            "from": "distance of swapped faces to the person filmed",
            "mask": "mean of the mask",
        }
        learned = f"; of {', '.join(self.learned)}, faces that it has learned from" if self.learned else ""
        table = [f"Aligned faces of the split `{figures['split']}`{learned}:", "", "| | |", "|---|---|"]
        found = [(title, figures.get(_PREFIX + name)) for name, title in titles.items()]
        return table + [f"| {title} | {value:.4f} |" for title, value in found if value is not None]

    def show(self, network: Any, path: Path) -> None:
        """Draw for each person some faces, by the own decoder, by the next one's masked and whole, and that mask."""
        lines = []
        for person in range(len(self.names)):
            batch = self.people.still(person, self._rows(person, SHOWN))
            own, _ = self._draw(network, batch.target, person)
            swapped = self._output(network, batch.target, (person + 1) % len(self.names))
            masks = to_pixels(swapped.mask.expand(-1, 3, -1, -1))
            pictures = [to_pixels(batch.target), own, to_pixels(swapped.image), to_pixels(swapped.colour), masks]
            lines.append(np.concatenate(pictures, 2))
        write_columns(path, COLUMNS, np.concatenate(lines), ENLARGED)

    def _rows(self, person: int, count: int) -> np.ndarray:
        number = len(self.people.people[person].faces)
        return np.unique(np.linspace(0, number - 1, min(count, number)).astype(int))

    def _draw(self, network: Any, faces: Tensor, person: int) -> tuple[np.ndarray, np.ndarray]:
        """Return faces (n, S, S, 3) uint8 as a decoder draws them, and its masks (n, S, S, 1)."""
        output = self._output(network, faces, person)
        return to_pixels(output.image), output.mask.permute(0, 2, 3, 1).cpu().numpy()

    def _output(self, network: Any, faces: Tensor, person: int) -> SwapOutput:
        import torch

        device = next(network.parameters()).device
        with torch.inference_mode():
            output: SwapOutput = network(faces.to(device), torch.full((len(faces),), person, device=device))
        return output

    def _apart(self, swapped: np.ndarray, person: int, other: int) -> tuple[float, float] | None:
        """Return how far swapped faces are from the person shown, and from the person filmed; None: it is not known."""
        if find_embedder() is None:
            return None
        if self._real is None:
            usual = []
            for each in range(len(self.names)):
                faces = to_pixels(self.people.still(each, self._rows(each, 2 * EMBEDDED)).target)
                usual.append(np.mean([_embed(face) for face in faces], axis=0))
            self._real = usual
        found = [_embed(face) for face in swapped]
        to, back = (float(np.mean([distance(one, self._real[each]) for one in found])) for each in (other, person))
        return to, back


def _embed(face: np.ndarray) -> np.ndarray:
    import cv2

    embedder = find_embedder()
    assert embedder is not None
    large = cv2.resize(face, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    return embedder.embed(large, np.array(BOX_IN_ALIGNED) * len(large))
