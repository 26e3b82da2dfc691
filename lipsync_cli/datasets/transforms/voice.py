"""Random transforms of the sound, on its mels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lipsync_cli.datasets.transforms.face import uniform
from lipsync_cli.speech.mel import SILENCE

if TYPE_CHECKING:
    from torch import Generator, Tensor

MEL_UNIT_DB = 12.5  # one unit of a normalised mel
MASK = 8  # mel frames, the longest mask: 100 ms


def change_voice(mel: Tensor, chosen: frozenset[str], generator: Generator) -> Tensor:
    """Make it another speaker, room and microphone: shape (B, 1, 80, 27) in and out."""
    count, _, bands, _ = mel.shape
    device = mel.device
    formant, gained, tilted = (float(name in chosen) for name in ("formant", "gain", "tilt"))
    stretch = torch.exp(formant * uniform((count, 1), -0.18, 0.18, generator))  # vocal tract length: all formants move
    bend = formant * uniform((count, 1), -0.06, 0.06, generator)
    band = torch.linspace(0, 1, bands)[None]
    source = (band * stretch + bend * torch.sin(math.pi * band)).clamp(0, 1) * (bands - 1)
    low = source.floor().long().clamp(max=bands - 2)
    part = (source - low)[:, None, :, None].to(device)
    low = low[:, None, :, None].expand(-1, 1, -1, mel.shape[3]).to(device)
    changed = mel.gather(2, low) * (1 - part) + mel.gather(2, low + 1) * part
    gain = gained * uniform((count, 1, 1, 1), -0.9, 0.6, generator)
    colour = tilted * torch.randn(count, 1, 6, 1, generator=generator) * 0.3
    colour = functional.interpolate(colour, (bands, 1), mode="bicubic", align_corners=True)
    tilt = tilted * uniform((count, 1, 1, 1), -0.5, 0.5, generator) * torch.linspace(-1, 1, bands)[None, None, :, None]
    changed = torch.where(changed > SILENCE + 0.01, changed + (gain + colour + tilt).to(device), changed)
    if "hiss" in chosen:
        power = math.log(10) * MEL_UNIT_DB / 10  # natural logarithm of the power ratio of one unit
        noise = uniform((count, 1, 1, 1), -6.5, -0.8, generator) + colour.flip(0) * 1.5
        noise = noise + torch.randn(mel.shape, generator=generator) * 0.25
        changed = torch.logaddexp(changed * power, noise.to(device) * power) / power
    if "mask" in chosen:
        changed = changed.masked_fill(_time_mask(count, mel.shape[3], generator).to(device), SILENCE)
    return changed.clamp(SILENCE, 4.0)


def _time_mask(count: int, length: int, generator: Generator) -> Tensor:
    """Choose a stretch of each second window that falls silent: shape (count, 1, 1, length), bool.

    Time masks of Park et al. 2019, "SpecAugment". The middle fifth, by which the mouth is judged, is left alone.
    """
    time = torch.arange(length)[None]
    width = (torch.rand(count, 1, generator=generator) * MASK).round()
    first = (torch.rand(count, 1, generator=generator) * (length - width)).round()
    hit = torch.rand(count, 1, generator=generator) < 0.5
    middle = (time - length // 2).abs() <= length // 10
    return ((time >= first) & (time < first + width) & hit & ~middle)[:, None, None, :]
