"""Things that cover faces, drawn at random: hands, single fingers, balls on sticks, boards, whatever hides all below.

Shapes are distances to rounded lines and boxes, so that a batch is drawn at once, on any device.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lipsync_cli.datasets.transforms.face import sample, uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor

FINGERS = 5  # of a hand, at most
HAND, FINGER, BALL, BOARD, BELOW = range(5)
PROBABILITIES = torch.tensor([0.6, 0.1, 0.12, 0.12, 0.06])  # of the kinds
TIP = (0.12, 0.88), (0.4, 0.95)  # where a hand's tip is, x and y in sides of the crop
SKIN = (0.42, 0.56), (0.3, 0.7)  # rows and columns that tell the colour of a face's skin
SKINS, PICTURES = 0.65, 0.2  # shares that look like the face's own skin, and like parts of other pictures
FAR = 1e3


def draw_occluders(faces: Tensor, present: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Cover faces.

    Parameters
    ----------
    faces : shape (B, 3, S, S), RGB in [0, 1]
    present : shape (B,) bool, which of them are covered

    Returns
    -------
    faces : the same, covered
    opacity : shape (B, 1, S, S), how much of what covers them shows
    """
    count, size = len(faces), faces.shape[-1]
    kind = torch.multinomial(PROBABILITIES, count, True, generator=generator)
    distance, shade = _shape(kind, size, generator)
    softness = uniform((count, 1, 1), 0.3, 1.6, generator) / size
    opacity = torch.sigmoid(-distance / softness) * present[:, None, None]
    opacity = opacity[:, None].to(faces)
    looks = _fill(faces, shade[:, None].to(faces), generator)
    below = faces * (1 - _shadow(opacity, generator).to(faces))
    return torch.lerp(below, looks, opacity), opacity


def _shape(kind: Tensor, size: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return signed distances to things, (B, S, S) in sides of the crop, below 0 inside, and how light they are."""
    count = len(kind)
    line = (torch.arange(size) + 0.5) / size
    places = torch.stack([line[None, :].expand(size, size), line[:, None].expand(size, size)], 2)
    tip = torch.stack([uniform((count,), *TIP[0], generator), uniform((count,), *TIP[1], generator)], 1)
    angle = math.pi / 2 + 0.9 * torch.randn(count, generator=generator)  # from the tip to the wrist: mostly down
    far = torch.stack([angle.cos(), angle.sin()], 1)
    aside = torch.stack([-far[:, 1], far[:, 0]], 1)
    distance, shade = _hand(places, tip, far, aside, kind == FINGER, generator)
    ball, ball_shade = _ball(places, tip, far, aside, generator)
    flat = _board(places, tip, far, aside, generator)
    below = (
        tip[:, 1, None, None]
        - places[None, :, :, 1]
        + 0.15 * torch.randn(count, 1, 1, generator=generator) * (places[None, :, :, 0] - 0.5)
    )
    for one, light, of in ((ball, ball_shade, BALL), (flat, torch.ones_like(flat), BOARD), (below, None, BELOW)):
        chosen = (kind == of)[:, None, None]
        distance = torch.where(chosen, one, distance)
        shade = torch.where(chosen, torch.ones_like(shade) if light is None else light, shade)
    return distance, shade


def _hand(
    places: Tensor, tip: Tensor, far: Tensor, aside: Tensor, alone: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return distance and light of fingers side by side, and the palm that they come from."""
    count = len(tip)
    fingers = torch.where(alone, 1, torch.randint(2, FINGERS + 1, (count,), generator=generator))
    width = uniform((count, 1), 0.028, 0.075, generator)
    length = uniform((count, 1), 0.18, 0.6, generator)
    spread = uniform((count, 1), 1.6, 2.3, generator) * width
    number = torch.arange(FINGERS)[None] - (fingers[:, None] - 1) / 2
    stretch = 1 - 0.12 * number.abs() + 0.06 * torch.randn(count, FINGERS, generator=generator)
    fan = uniform((count, 1), 0.0, 0.25, generator)
    base = tip[:, None] + far[:, None] * length[..., None] + aside[:, None] * (number * spread)[..., None]
    ends = base - far[:, None] * (length * stretch)[..., None] + aside[:, None] * (number * spread * fan)[..., None]
    radius = width.expand(-1, FINGERS).clone()
    radius[torch.arange(FINGERS)[None] >= fingers[:, None]] = -FAR
    wrist = base.mean(1) + far * uniform((count, 1), 0.3, 0.6, generator)
    palm = torch.where(alone, -FAR, 0.55 * (fingers * spread[:, 0] + width[:, 0]))
    start = torch.cat([ends, (base * (radius > 0)[..., None]).sum(1, keepdim=True) / fingers[:, None, None]], 1)
    stop = torch.cat([base, wrist[:, None]], 1)
    return _capsules(places, start, stop, torch.cat([radius, palm[:, None]], 1), generator)


def _ball(places: Tensor, tip: Tensor, far: Tensor, aside: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return distance and light of a round thing on a stick: a microphone, a spoon, a fist."""
    count = len(tip)
    radius = uniform((count, 1), 0.07, 0.24, generator)
    middle = tip + far * radius
    long = uniform((count, 1), 0.0, 0.15, generator)
    start = torch.stack([middle, middle], 1)
    stop = torch.stack([middle + far * long, middle + far], 1)
    stick = radius * uniform((count, 1), 0.2, 0.7, generator)
    return _capsules(places, start, stop, torch.cat([radius, stick], 1), generator)


def _capsules(
    places: Tensor, start: Tensor, stop: Tensor, radius: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Return the distance to the nearest of some rounded lines, and its light there: its sides are darker.

    Parameters
    ----------
    start, stop : shape (B, K, 2)
    radius : shape (B, K); below 0: there is none
    """
    count, x, y = len(start), places[0, :, 0], places[:, 0, 1]
    (start_x, start_y), (along_x, along_y) = start.unbind(-1), (stop - start).unbind(-1)
    apart_x, apart_y = x - start_x[..., None], y - start_y[..., None]
    length = (along_x.square() + along_y.square()).clamp(min=1e-8)
    share = (apart_x * (along_x / length)[..., None])[:, :, None] + (apart_y * (along_y / length)[..., None])[..., None]
    share = share.clamp_(0, 1)
    beside = apart_x[:, :, None] - share * along_x[..., None, None]
    below = apart_y[..., None] - share * along_y[..., None, None]
    distances = torch.hypot(beside, below) - radius[..., None, None]
    distance, nearest = distances.min(1)
    wide = radius.gather(1, nearest.flatten(1)).view_as(distance).clamp(min=1e-3)
    depth = (-distance / wide).clamp(0, 1)
    dark = uniform((count, 1, 1), 0.45, 1.0, generator)
    return distance, dark + (1 - dark) * (1 - (1 - depth).square()).clamp(min=0).sqrt()


def _board(places: Tensor, tip: Tensor, far: Tensor, aside: Tensor, generator: Generator) -> Tensor:
    """Return the distance to a rectangle with round corners: a cup, a sheet of paper, a telephone."""
    count = len(tip)
    half = torch.stack([uniform((count,), 0.1, 0.35, generator), uniform((count,), 0.08, 0.35, generator)], 1)
    apart = places[None] - (tip + far * half[:, :1])[:, None, None]
    inside = torch.stack([(apart * way[:, None, None]).sum(-1) for way in (far, aside)], -1).abs()
    beyond = inside - half[:, None, None] + 0.02
    return beyond.clamp(min=0).norm(dim=-1) + beyond.amax(-1).clamp(max=0) - 0.02


def skin_of(faces: Tensor) -> Tensor:
    """Return the mean colour of nose and cheeks of faces (B, 3, S, S): shape (B, 3, 1, 1)."""
    rows, columns = (slice(round(first * faces.shape[-1]), round(last * faces.shape[-1])) for first, last in SKIN)
    return faces[:, :, rows, columns].mean((2, 3), keepdim=True)


def _fill(faces: Tensor, shade: Tensor, generator: Generator) -> Tensor:
    """Return what things look like: (B, 3, S, S), skin as the face's, parts of the other pictures, or some colour."""
    count, size = len(faces), faces.shape[-1]
    gain = torch.exp(0.1 * torch.randn(count, 1, 1, 1, generator=generator))
    tint = torch.exp(0.04 * torch.randn(count, 3, 1, 1, generator=generator))
    skin = skin_of(faces) * (gain * tint).to(faces)
    plain = uniform((count, 3, 1, 1), 0.0, 1.0, generator).to(faces)
    grey = torch.rand(count, 1, 1, 1, generator=generator).to(faces) < 0.5
    plain = torch.where(grey, plain.mean(1, keepdim=True) ** 2, plain)
    which = torch.rand(count, 1, 1, 1, generator=generator).to(faces)
    colour = torch.where(which < SKINS, skin, plain)
    looks = colour * shade * (1 + _noise(count, size, generator).to(faces))
    pictures = sample(faces.roll(1 + count // 3, 0), _elsewhere(count, size, generator).to(faces)) * shade
    is_picture = (which >= SKINS) & (which < SKINS + PICTURES)
    grain = uniform((count, 1, 1, 1), 0.0, 0.02, generator) * torch.randn(count, 3, size, size, generator=generator)
    return (torch.where(is_picture, pictures, looks) + grain.to(faces)).clamp(0, 1)


def _noise(count: int, size: int, generator: Generator) -> Tensor:
    """Return spots and folds, (B, 1, S, S) about 0."""
    strength = uniform((count, 1, 1, 1), 0.0, 0.12, generator)
    cells = [torch.randn(count, 1, number, number, generator=generator) for number in (4, 12, 32)]
    spots = [functional.interpolate(part, (size, size), mode="bicubic", align_corners=True) for part in cells]
    return strength * (spots[0] + 0.6 * spots[1] + 0.3 * spots[2])


def _elsewhere(count: int, size: int, generator: Generator) -> Tensor:
    """Return grids that take a part of a picture, turned and enlarged."""
    angle, scale = uniform((count,), -3.1, 3.1, generator), uniform((count,), 0.2, 0.8, generator)
    cos, sin, shift = angle.cos() * scale, angle.sin() * scale, uniform((count, 2), -0.7, 0.7, generator)
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(count, 2, 3)
    return functional.affine_grid(theta, [count, 1, size, size], align_corners=False)


def _shadow(opacity: Tensor, generator: Generator) -> Tensor:
    """Return how much darker a face is around what covers it: (B, 1, S, S)."""
    strength = uniform((len(opacity), 1, 1, 1), -0.2, 0.5, generator).clamp(min=0).to(opacity)
    wide = functional.avg_pool2d(functional.pad(opacity, (4, 4, 4, 4), mode="replicate"), 9, 1)
    return strength * wide
