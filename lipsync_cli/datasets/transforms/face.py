"""Random transforms of faces: of place and shape, of colour and light, of sharpness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Generator, Tensor

BLUR = 1.0  # of a mean over 3 x 3 pixels
MOVED = 0.7  # share of the targets whose heads have moved by themselves
GRAIN = 0.03  # standard deviation of a pixel's noise, of a range of 1


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Draw evenly between two values."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def draw_grid(count: int, size: int, chosen: frozenset[str], generator: Generator) -> Tensor:
    """Draw where each pixel of the new face comes from: shape (count, size, size, 2), for `grid_sample`."""
    zoom = float("zoom" in chosen)
    angle = zoom * uniform((count,), -0.14, 0.14, generator)
    scale = torch.exp(zoom * uniform((count,), -0.12, 0.16, generator))
    aspect = torch.exp(zoom * uniform((count,), -0.10, 0.10, generator))
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5 * ("flip" in chosen), -1.0, 1.0)
    shift = zoom * uniform((count, 2), -0.08, 0.08, generator)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = cos * aspect * mirror, -sin, shift[:, 0]
    theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = sin * mirror, cos / aspect, shift[:, 1]
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    strength = ("warp" in chosen) * uniform((count, 1, 1, 1), 0.0, 0.09, generator)
    bend = torch.randn(count, 2, 5, 5, generator=generator) * strength
    bend = functional.interpolate(bend, (size, size), mode="bicubic", align_corners=True)
    return grid + bend.permute(0, 2, 3, 1)


def draw_poses(count: int, size: int, generator: Generator) -> Tensor:
    """Draw by how much heads have moved since their references: turned, nearer, aside; a grid as `draw_grid` gives."""
    angle, nearer = uniform((count,), -0.10, 0.10, generator), uniform((count,), -0.06, 0.06, generator).exp()
    moved = torch.rand(count, generator=generator) < MOVED
    angle, nearer = angle * moved, torch.where(moved, nearer, 1.0)
    shift = uniform((count, 2), -0.12, 0.12, generator) * moved[:, None]
    cos, sin = torch.cos(angle) * nearer, torch.sin(angle) * nearer
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(count, 2, 3)
    return functional.affine_grid(theta, [count, 1, size, size], align_corners=False)


def follow(first: Tensor, second: Tensor) -> Tensor:
    """Join two grids (B, S, S, 2): what `second` takes is taken where `first` says."""
    points = functional.grid_sample(first.permute(0, 3, 1, 2), second, padding_mode="border", align_corners=False)
    return points.permute(0, 2, 3, 1)


def sample(images: Tensor, grid: Tensor) -> Tensor:
    """Take images (B, C, S, S) apart along grids (B, H, S, 2)."""
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def change_light(faces: Tensor, chosen: frozenset[str], generator: Generator) -> Tensor:
    """Change contrast, brightness, sharpness and noise of grey faces (C, T, H, S), alike in all pictures of a clip."""
    count, device = len(faces), faces.device
    contrast, brightness, blur, grain = (float(name in chosen) for name in ("contrast", "brightness", "blur", "grain"))

    def draw(low: float, high: float) -> Tensor:
        return uniform((count, 1, 1, 1), low, high, generator).to(device)

    faces = (faces - 0.5) * torch.exp(contrast * draw(-0.5, 0.35)) + 0.5 + brightness * draw(-0.18, 0.18)
    faces = faces.clamp(1e-4, 1.0) ** torch.exp(brightness * draw(-0.4, 0.4))
    if blur:
        padded = functional.pad(faces, (1, 1, 1, 1), mode="replicate")
        faces = torch.lerp(faces, functional.avg_pool2d(padded, 3, 1), draw(0.0, BLUR))
    if grain:
        noise = torch.randn(faces.shape, generator=generator).to(device)
        faces = (faces + draw(0.0, GRAIN) * noise).clamp(0.0, 1.0)
    return faces


class Looks:
    """One random change of colour, contrast, light and sharpness for each reference and all its targets."""

    def __init__(self, count: int, chosen: frozenset[str], generator: Generator, device: torch.device) -> None:
        mix = torch.eye(3) + ("colour" in chosen) * torch.randn(count, 3, 3, generator=generator) * 0.12
        grey = torch.rand(count, 1, 1, generator=generator) < 0.12 * ("monochrome" in chosen)
        self.mix = torch.where(grey, torch.tensor([0.299, 0.587, 0.114]).expand(3, 3), mix).to(device)
        contrast, brightness = (float(name in chosen) for name in ("contrast", "brightness"))
        self.contrast = torch.exp(contrast * uniform((count, 1, 1, 1), -0.5, 0.35, generator)).to(device)
        self.brightness = (brightness * uniform((count, 1, 1, 1), -0.18, 0.18, generator)).to(device)
        self.gamma = torch.exp(brightness * uniform((count, 1, 1, 1), -0.4, 0.4, generator)).to(device)
        light = torch.randn(count, 1, 3, 3, generator=generator) * uniform((count, 1, 1, 1), 0.0, 0.25, generator)
        self.light = (("light" in chosen) * light).to(device)
        self.blur: Tensor | None = None
        if "blur" in chosen:
            self.blur = uniform((count, 1, 1, 1), 0.0, BLUR, generator).to(device)
        self.grain: Tensor | None = None
        if "grain" in chosen:
            self.grain = uniform((count, 1, 1, 1), 0.0, GRAIN, generator).to(device)
        self.generator = generator

    def apply(self, images: Tensor, share: int) -> Tensor:
        """Change images of shape (B, 3, H, S), `share` of each reference in a row; of grain each has its own."""

        def spread(x: Tensor) -> Tensor:
            return x.repeat_interleave(share, 0)

        size = images.shape[-1]
        light = functional.interpolate(self.light, (size, size), mode="bicubic", align_corners=True).exp()
        light = light[:, :, size - images.shape[-2] :]  # of lower halves: their part of the light
        matrix = self.mix * self.contrast[:, 0]
        offset = (0.5 - 0.5 * matrix.sum(2, keepdim=True)) + self.brightness[:, 0]  # contrast turns about mid-grey
        images = torch.baddbmm(spread(offset), spread(matrix), images.flatten(2)).view_as(images)
        images = images.mul_(spread(light)).clamp_(1e-4, 1.0).pow_(spread(self.gamma))
        if self.blur is not None:
            padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
            images = torch.lerp(images, functional.avg_pool2d(padded, 3, 1), spread(self.blur))
        if self.grain is not None:
            noise = torch.randn(images.shape, generator=self.generator).to(images.device)
            images = (images + spread(self.grain) * noise).clamp_(0.0, 1.0)
        return images
