"""The network of a face swap, loaded: aligned faces in, those of another person out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.errors import UsageError
from lipsync_cli.formats.weights import check_kind, find_weights, load_weights, read_header

if TYPE_CHECKING:
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.models.swapping.face_swapper import FaceSwapper

KIND = "face swapper"


class DrawnFaces(NamedTuple):
    """Faces that were drawn.

    Attributes
    ----------
    colour : shape (n, S, S, 3), float32 RGB in [0, 1]
    mask : shape (n, S, S), float32 in [0, 1], how much of it shows
    """

    colour: np.ndarray
    mask: np.ndarray


class SwapNetwork:
    """Draws faces.

    Parameters
    ----------
    network : in evaluation mode
    header : of its weights
    device : where it is
    """

    def __init__(self, network: FaceSwapper, header: WeightsHeader, device: str) -> None:
        self._network, self.header, self._device = network, header, device
        self.side, self.people = network.side, network.people

    def draw(self, faces: np.ndarray, person: int) -> DrawnFaces:
        """Draw aligned faces (n, S, S, 3) uint8 RGB as those of a person, by the number of the decoder."""
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(faces).to(self._device).permute(0, 3, 1, 2).float() / 255
            output = self._network(pixels, torch.full((len(faces),), person, device=self._device))
            colour = output.colour.permute(0, 2, 3, 1).contiguous().cpu().numpy()
            return DrawnFaces(colour, output.mask[:, 0].contiguous().cpu().numpy())


def read_people(weights: Path) -> tuple[WeightsHeader, tuple[str, ...]]:
    """Return the header of a face swap's weights, and whom they can draw, without loading them.

    Raises
    ------
    InputError : there are none, or they are of another kind
    """
    path = _find(weights)
    header = read_header(path)
    check_kind(header, path, KIND)
    return header, tuple(str(name) for name in header.dims.get("people", ()))


def load_swap(weights: Path, device: str) -> SwapNetwork:
    """Load the network of a face swap; raises as `read_people`."""
    network, header = load_weights(_find(weights), device, KIND)
    return SwapNetwork(network, header, device)  # type: ignore[arg-type]


def find_person(people: tuple[str, ...], name: str, weights: Path) -> int:
    """Return the decoder of a person; raise UsageError, which names those that there are, if there is none."""
    if name not in people:
        raise UsageError(f"{weights}: knows nobody called {name!r}", hint=f"choose from {', '.join(people)}")
    return people.index(name)


def _find(weights: Path) -> Path:
    return find_weights(weights, KIND)
