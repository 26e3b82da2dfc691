"""The aligned faces of several people, as batches for a face swap: distorted faces in, the same faces undistorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.aligned.alignment import ROOM, align, cut_aligned, to_places
from lipsync_cli.faces.aligned.head_mask import face_parts

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from lipsync_cli.datasets.frame_table import Crops

HELD = 2  # pixels along a side of a held face, of one that the network gives, over the room around it
TURN, ZOOM, SHIFT = 10.0, 0.10, 0.05  # degrees, share, sides: at most, as published
BEND = 0.035  # sides: standard deviation by which 5 x 5 points of a face are moved; published: 5 to 6.2 of 160 pixels
RECOLOURED = 0.5  # share of the faces that get the colours of another of the same person


class SwapBatch(NamedTuple):
    """Faces of several people, those of one after those of the other.

    Attributes
    ----------
    distorted, target : shape (B, 3, S, S), RGB in [0, 1]
    parts : shape (B, 3, S, S), in [0, 1]: masks of face, eyes and mouth of the target
    person : shape (B,), int64, ascending
    """

    distorted: Tensor
    target: Tensor
    parts: Tensor
    person: Tensor


class PersonFaces(NamedTuple):
    """Aligned faces of one person, with a quarter more around them.

    Attributes
    ----------
    faces : shape (n, W, W, 3) uint8 RGB
    parts : shape (n, W, W, 3) uint8, masks of face, eyes and mouth
    frames : shape (n,), frame numbers in the pack
    """

    faces: np.ndarray
    parts: np.ndarray
    frames: np.ndarray


def hold_faces(crops: Crops, points: np.ndarray, frames: np.ndarray, side: int) -> PersonFaces:
    """Align the faces of some frames.

    Parameters
    ----------
    crops : see `frame_table.gather`
    points : shape (N, 68, 2), landmarks in pixels of the crops
    frames : frame numbers; those without landmarks are left out
    side : of the faces that the network gives, pixels
    """
    from lipsync_cli.datasets.frame_table import fetch_pixels

    frames = frames[~np.isnan(points[frames]).any((1, 2))]
    wide, marks = HELD * side, points[frames].astype(np.float64)
    similarities = align(marks)
    places = to_places(marks, similarities)
    faces, parts = (np.empty((len(frames), wide, wide, 3), np.uint8) for _ in range(2))
    for row, (frame, similarity, place) in enumerate(zip(frames, similarities, places, strict=True)):
        crop = fetch_pixels(crops, np.array([frame]), "cpu").numpy()[0]
        faces[row] = cut_aligned(crop, similarity, wide, ROOM)
        parts[row] = np.round(255 * np.dstack(face_parts(place, wide, ROOM)))
    return PersonFaces(faces, parts, frames)


class PeopleFaces:
    """Faces of several people, to draw batches from.

    Parameters
    ----------
    people : of each, aligned
    side : of the faces that the network gives, pixels
    """

    def __init__(self, people: Sequence[PersonFaces], side: int) -> None:
        self.people, self.side = tuple(people), side

    def batch(self, size: int, seed: int, step: int, device: str = "cpu") -> SwapBatch:
        """Draw as many faces of each person, distorted at random; equal seeds and steps give equal batches."""
        import torch

        generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
        each, drawn = size // len(self.people), []
        for person in self.people:
            rows = torch.randint(len(person.faces), (2, each), generator=generator).numpy()
            drawn.append(self._distort(person, rows[0], rows[1], generator))
        fields = [torch.cat(parts).to(device) for parts in zip(*drawn, strict=True)]
        whose = torch.arange(len(self.people)).repeat_interleave(each).to(device)
        return SwapBatch(fields[0], fields[1], fields[2], whose)

    def still(self, person: int, rows: np.ndarray, device: str = "cpu") -> SwapBatch:
        """Give some faces of a person as they are."""
        import torch

        held = self.people[person]
        faces, parts = (_middle(_to_tensor(images[rows]), self.side).to(device) for images in held[:2])
        return SwapBatch(faces, faces, parts, torch.full((len(rows),), person, device=device))

    def _distort(
        self, person: PersonFaces, rows: np.ndarray, others: np.ndarray, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return distorted faces, targets and their masks."""
        import torch
        from torch.nn import functional

        faces, parts = _to_tensor(person.faces[rows]), _to_tensor(person.parts[rows])
        faces = _recolour(faces, _to_tensor(person.faces[others]), generator)
        grid = _draw_grid(len(rows), self.side, generator)
        bend = BEND / ROOM * 2 * torch.randn(len(rows), 2, 5, 5, generator=generator)
        bend = functional.interpolate(bend, (self.side, self.side), mode="bicubic", align_corners=True)
        target, masks = (_sample(images, grid) for images in (faces, parts))
        return _sample(faces, grid + bend.permute(0, 2, 3, 1)), target, masks


def _to_tensor(images: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)


def _middle(images: Tensor, side: int) -> Tensor:
    """Return the aligned faces out of those with room around them."""
    import torch
    from torch.nn import functional

    theta = torch.tensor([[1 / ROOM, 0, 0], [0, 1 / ROOM, 0]]).expand(len(images), 2, 3)
    return _sample(images, functional.affine_grid(theta, [len(images), 1, side, side], align_corners=False))


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _draw_grid(count: int, side: int, generator: Generator) -> Tensor:
    """Draw how faces are turned, enlarged, moved and mirrored."""
    import math

    import torch
    from torch.nn import functional

    def spread(most: float, *shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape, generator=generator) - 1) * most

    angle, scale = spread(math.radians(TURN)), (1 + spread(ZOOM)) / ROOM
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = spread(2 * SHIFT / ROOM, 2)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack([cos * mirror, -sin, shift[:, 0], sin * mirror, cos, shift[:, 1]], 1).view(count, 2, 3)
    return functional.affine_grid(theta, [count, 1, side, side], align_corners=False)


def _recolour(faces: Tensor, others: Tensor, generator: Generator) -> Tensor:
    """Bring mean and deviation of each colour of some faces part of the way to others' (Reinhard et al. 2001)."""
    import torch

    mean, other_mean = (images.mean((2, 3), keepdim=True) for images in (faces, others))
    deviation, other_deviation = (images.std((2, 3), keepdim=True) for images in (faces, others))
    share = torch.rand(len(faces), 1, 1, 1, generator=generator)
    share = share * (torch.rand(len(faces), 1, 1, 1, generator=generator) < RECOLOURED)
    scale = 1 + share * (other_deviation / (deviation + 1e-5) - 1)
    return ((faces - mean) * scale + mean + share * (other_mean - mean)).clamp(0, 1)
