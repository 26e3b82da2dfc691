"""Make a thousand faces and voices of one: random transforms that reference and target share, and changes of the sound.

The same transform is applied to a reference and to its targets, so that what the network has to do stays the same
while the face, its colours and its light do not. A vertical flip is never used (thesis, further work).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lipsync_cli.data.batches import Batch

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from lipsync_cli.data.windows import Windows

MEL_UNIT_DB = 12.5  # one unit of a normalised mel


def augment(batch: Batch, seed: int, step: int, share: float = 1.0) -> Batch:
    """Apply random face and speech transforms, determined by seed and step alone.

    Parameters
    ----------
    batch : as `data.batches.gather` gave it
    share : of the references that are transformed, with their targets and sounds; the last ones stay as they are

    Returns
    -------
    a batch of the same shapes
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    each = len(batch.target) // len(batch.reference)
    changed = math.ceil(len(batch.reference) * share)
    if not changed:
        return batch
    part = Batch(batch.reference[:changed], *(field[: changed * each] for field in batch[1:]))
    grid = _face_grid(changed, part.reference.shape[-1], generator).to(part.reference.device)
    colour = _Colour(changed, generator, part.reference.device)
    part = Batch(
        colour.apply(_sample(part.reference, grid), 1),
        colour.apply(_sample(part.target, grid.repeat_interleave(each, 0)), each),
        _change_voice(part.mel, generator),
        _change_voice(part.wrong_mel, generator),
    )
    return Batch(*(torch.cat([new, old[len(new) :]]) for new, old in zip(part, batch, strict=True)))


def augment_windows(windows: Windows, seed: int, step: int, share: float = 1.0) -> Windows:
    """Transform the faces of each clip alike, and each sound by itself; determined by seed and step alone.

    Parameters
    ----------
    windows : as `data.windows.gather_windows` gave it, whole faces
    share : of the clips that are transformed; the last ones stay as they are

    Returns
    -------
    the lower halves alone, and their sounds
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    clips, each, *shape, size, _ = windows.faces.shape
    half = size // 2
    changed = math.ceil(clips * share)
    plain = windows.faces[changed:, ..., half:, :]
    if not changed:
        return windows._replace(faces=plain)
    grid = _face_grid(changed, size, generator)[:, half:].to(windows.faces.device)
    colour = _Colour(changed, generator, windows.faces.device)
    faces = _sample(windows.faces[:changed].flatten(1, 3), grid)  # one clip's frames are the channels of one image
    count = each * shape[0]
    faces = colour.apply(faces.reshape(changed * count, 3, half, size), count).view(changed, each, *shape, half, size)
    mel = _change_voice(windows.mel[: changed * each], generator)
    return windows._replace(faces=torch.cat([faces, plain]), mel=torch.cat([mel, windows.mel[changed * each :]]))


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _face_grid(count: int, size: int, generator: Generator) -> Tensor:
    """Where each pixel of the new face comes from: shape (count, size, size, 2), for `grid_sample`."""
    angle = _uniform((count,), -0.14, 0.14, generator)
    scale = torch.exp(_uniform((count,), -0.12, 0.16, generator))
    aspect = torch.exp(_uniform((count,), -0.10, 0.10, generator))
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = _uniform((count, 2), -0.08, 0.08, generator)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = cos * aspect * mirror, -sin, shift[:, 0]
    theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = sin * mirror, cos / aspect, shift[:, 1]
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    strength = _uniform((count, 1, 1, 1), 0.0, 0.09, generator)
    bend = torch.randn(count, 2, 5, 5, generator=generator) * strength
    bend = functional.interpolate(bend, (size, size), mode="bicubic", align_corners=True)
    return grid + bend.permute(0, 2, 3, 1)


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class _Colour:
    """One random change of colour, contrast and light for each reference and all its targets."""

    def __init__(self, count: int, generator: Generator, device: torch.device) -> None:
        mix = torch.eye(3) + torch.randn(count, 3, 3, generator=generator) * 0.12
        grey = torch.rand(count, 1, 1, generator=generator) < 0.12
        self.mix = torch.where(grey, torch.tensor([0.299, 0.587, 0.114]).expand(3, 3), mix).to(device)
        self.contrast = torch.exp(_uniform((count, 1, 1, 1), -0.5, 0.35, generator)).to(device)
        self.brightness = _uniform((count, 1, 1, 1), -0.18, 0.18, generator).to(device)
        self.gamma = torch.exp(_uniform((count, 1, 1, 1), -0.4, 0.4, generator)).to(device)
        light = torch.randn(count, 1, 3, 3, generator=generator) * _uniform((count, 1, 1, 1), 0.0, 0.25, generator)
        self.light = light.to(device)

    def apply(self, images: Tensor, share: int) -> Tensor:
        def spread(x: Tensor) -> Tensor:
            return x.repeat_interleave(share, 0)

        size = images.shape[-1]
        light = functional.interpolate(self.light, (size, size), mode="bicubic", align_corners=True).exp()
        light = light[:, :, size - images.shape[-2] :]  # of lower halves: their part of the light
        matrix = self.mix * self.contrast[:, 0]
        offset = (0.5 - 0.5 * matrix.sum(2, keepdim=True)) + self.brightness[:, 0]  # contrast turns about mid-grey
        images = torch.baddbmm(spread(offset), spread(matrix), images.flatten(2)).view_as(images)
        return images.mul_(spread(light)).clamp_(1e-4, 1.0).pow_(spread(self.gamma))


def _change_voice(mel: Tensor, generator: Generator) -> Tensor:
    """Another speaker, room and microphone: shape (B, 1, 80, 27) in and out."""
    count, _, bands, _ = mel.shape
    device = mel.device
    stretch = torch.exp(_uniform((count, 1), -0.18, 0.18, generator))  # vocal tract length: formants move together
    bend = _uniform((count, 1), -0.06, 0.06, generator)
    band = torch.linspace(0, 1, bands)[None]
    source = (band * stretch + bend * torch.sin(math.pi * band)).clamp(0, 1) * (bands - 1)
    low = source.floor().long().clamp(max=bands - 2)
    part = (source - low)[:, None, :, None].to(device)
    low = low[:, None, :, None].expand(-1, 1, -1, mel.shape[3]).to(device)
    changed = mel.gather(2, low) * (1 - part) + mel.gather(2, low + 1) * part
    gain = _uniform((count, 1, 1, 1), -0.9, 0.6, generator)
    colour = torch.randn(count, 1, 6, 1, generator=generator) * 0.3
    colour = functional.interpolate(colour, (bands, 1), mode="bicubic", align_corners=True)
    tilt = _uniform((count, 1, 1, 1), -0.5, 0.5, generator) * torch.linspace(-1, 1, bands)[None, None, :, None]
    changed = torch.where(changed > -3.99, changed + (gain + colour + tilt).to(device), changed)
    power = math.log(10) * MEL_UNIT_DB / 10  # natural logarithm of the power ratio of one unit
    noise = _uniform((count, 1, 1, 1), -6.5, -0.8, generator) + colour.flip(0) * 1.5
    noise = noise + torch.randn(mel.shape, generator=generator) * 0.25
    changed = torch.logaddexp(changed * power, noise.to(device) * power) / power
    return changed.clamp(-4.0, 4.0)
