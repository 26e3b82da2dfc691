"""What lies over a face, learned from faces that something was drawn over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch.nn import functional

from lipsync_cli.datasets.transforms.face import sample, uniform
from lipsync_cli.datasets.transforms.facial_hair import MIDDLE
from lipsync_cli.datasets.transforms.occluders import draw_occluders, skin_of
from lipsync_cli.models import OCCLUSION_SHRINK, OCCLUSION_TOP, architectures_of
from lipsync_cli.training.evaluators.occlusion_evaluator import OcclusionEvaluator
from lipsync_cli.training.recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.recipes.context import RecipeContext

COVERED = 0.6  # share of the faces
ALONE = 0.4  # share of the faces that are compared with one uncovered face only
TURN, NEAR = 0.08, 0.9  # standard deviation of how far noses are moved, and the radius of a face, in halves of the side
BEND = 0.06  # standard deviation of how far a face is bent, at most, in halves of the crop's side
OTHER_MOUTH = 0.4  # share of the faces with the mouth of another
CUT = 0.15  # share of the faces that the picture's border cuts


class Covered(NamedTuple):
    """Faces, what they are compared with, and what covers them.

    Attributes
    ----------
    face, reference, other : shape (B, 3, S / 3, S / 2), RGB in [0, 1]
    opacity : shape (B, S / 3, S / 2), how much of something else shows
    """

    face: Tensor
    reference: Tensor
    other: Tensor
    opacity: Tensor


class Occlusion(BaseRecipe):
    """Learn what lies over a face from things drawn over real ones, beside other moments of the same face.

    The face and what it is compared with differ as they do in `infer`: in what the mouth does, a little in pose, shape
    and light, and in where the picture's border cuts them. Mouths of other people, too wide or too high, teach that no
    mouth, however strange, is something that lies over a face. The loss is the cross-entropy of every place.
    """

    name = "occlusion"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "occlusion-net",
        "batch_size": 32,
        "targets_per_reference": 2,
        "max_samples": 120_000,
        "learning_rate": 2e-3,
        "beta1": 0.9,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "ema_samples": 8_000,
        "augment": True,
        "transforms": "face,-pose",
        "speaker_temperature": 3.0,
        "validate_every": 20_000,
        "checkpoint_every": 20_000,
        "sheet_every": 50_000,
        "validation_frames": 10,
    }
    architectures = architectures_of("occlusion network")

    def __init__(self, context: RecipeContext) -> None:
        self.config = context.config

    def batch(self, source: Source, step: int) -> Covered:
        """Give faces, most of them covered, and others of the same clips."""
        generator = torch.Generator().manual_seed((self.config.seed * 1_000_003 + step) % 2**63)
        return cover(source.batch(step), generator)

    def forward(self, network: nn.Module, batch: Covered) -> Tensor:
        """Say what is covered."""
        logits: Tensor = network(batch.face, batch.reference, batch.other)
        return logits

    def network_loss(self, batch: Covered, output: Tensor) -> dict[str, Tensor]:
        """Give the cross-entropy."""
        return {"occlusion/cross_entropy": functional.binary_cross_entropy_with_logits(output, batch.opacity)}

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate by what is found of things drawn over clips held out, and what is found where there is nothing."""
        return OcclusionEvaluator(source, held_out, cover)


def cover(batch: Batch, generator: Generator) -> Covered:
    """Draw things over most of the targets of a batch, and change these as faces change within a film."""
    each = len(batch.target) // len(batch.reference)
    reference = batch.reference.repeat_interleave(each, 0)
    count, size = len(reference), reference.shape[-1]
    groups = batch.target.view(-1, each, *batch.target.shape[1:])
    alone = torch.rand(count, 1, 1, 1, generator=generator).to(reference) < ALONE
    other = torch.where(alone, reference, groups.roll(1, 1).flatten(0, 1))
    face = _with_other_mouths(batch.target, generator)
    change = torch.rand(count, generator=generator)  # from the very picture to one that hardly fits
    face = sample(face, _moved(change, size, generator).to(reference))
    face = (face * _light(change, size, generator).to(reference)).clamp(0, 1)
    present = torch.rand(count, generator=generator) < COVERED
    face, opacity = draw_occluders(face, present, generator)
    face, other = _cut(face, generator), _cut(other, generator)
    top = round(OCCLUSION_TOP * size)
    shown = (functional.avg_pool2d(each[:, :, top:], OCCLUSION_SHRINK) for each in (face, reference, other, opacity))
    face, reference, other, opacity = shown
    return Covered(face, reference, other, opacity[:, 0])


def _with_other_mouths(faces: Tensor, generator: Generator) -> Tensor:
    """Give some faces the mouth of another in the batch, stretched, in the colour of their own skin."""
    count, size = len(faces), faces.shape[-1]
    line = (torch.arange(size) + 0.5) / size
    wide, high = uniform((count, 1, 1), 0.12, 0.27, generator), uniform((count, 1, 1), 0.05, 0.17, generator)
    x, y = (line[None, None, :] - MIDDLE[0]) / wide, (line[None, :, None] - MIDDLE[1]) / high
    chosen = torch.rand(count, 1, 1, generator=generator) < OTHER_MOUTH
    opacity = (torch.sigmoid((1 - x.square() - y.square()) / 0.3) * chosen)[:, None].to(faces)
    stretch = torch.exp(0.3 * torch.randn(count, 2, generator=generator))
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = stretch[:, 0], stretch[:, 1]
    theta[:, :, 2] = (1 - stretch) * (2 * torch.tensor(MIDDLE) - 1)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False).to(faces)
    shift = int(torch.randint(1, max(2, count), (1,), generator=generator))
    others = faces.roll(shift, 0)
    others = others * (skin_of(faces) / skin_of(others).clamp(min=0.02))
    light = torch.exp(0.1 * torch.randn(count, 1, 1, 1, generator=generator)).to(faces)
    return torch.lerp(faces, (sample(others, grid) * light).clamp(0, 1), opacity)


def _moved(change: Tensor, size: int, generator: Generator) -> Tensor:
    """Return grids by which faces are moved, turned aside and bent: what the pose that was found leaves.

    Parameters
    ----------
    change : shape (B,), 0 ... 1, how much of it
    """
    count = len(change)
    angle = 0.06 * change * torch.randn(count, generator=generator)
    scale = torch.exp(0.06 * change * torch.randn(count, generator=generator))
    shift = 0.04 * change[:, None] * torch.randn(count, 2, generator=generator)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(count, 2, 3)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    near = (1 - (grid / NEAR).square().sum(-1, keepdim=True)).clamp(min=0)  # what is nearer moves further
    change = change[:, None, None, None]
    grid = grid + near * TURN * change * torch.randn(count, 1, 1, 2, generator=generator)
    bend = BEND * change * torch.randn(count, 2, 6, 6, generator=generator)
    return grid + functional.interpolate(bend, (size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def _light(change: Tensor, size: int, generator: Generator) -> Tensor:
    """Return by how much lighter faces are, (B, 3, S, S): all over, in each colour, and from a side; see `_moved`."""
    count = len(change)
    side = 0.1 * torch.randn(count, 1, 3, 3, generator=generator)
    light = functional.interpolate(side, (size, size), mode="bicubic", align_corners=True)
    light = light + 0.1 * torch.randn(count, 1, 1, 1, generator=generator)
    light = light + 0.03 * torch.randn(count, 3, 1, 1, generator=generator)
    return (change[:, None, None, None] * light).exp()


def _cut(faces: Tensor, generator: Generator) -> Tensor:
    """Repeat the last row from some row on, as a picture's border does in crops that reach over it."""
    count, size = len(faces), faces.shape[-1]
    last = uniform((count,), 0.75, 1.0, generator)
    last = torch.where(torch.rand(count, generator=generator) < CUT, last, 1.0)
    rows = torch.minimum(torch.arange(size)[None], (last * size).long()[:, None] - 1).to(faces.device)
    return faces.gather(2, rows[:, None, :, None].expand(-1, 3, -1, size))
