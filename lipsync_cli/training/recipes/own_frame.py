"""Edit the frame itself: the input is the target, with a mouth that says something else."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from lipsync_cli.errors import InputError
from lipsync_cli.models import hears
from lipsync_cli.training.recipes.l1 import L1

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

ALTERED_SHARE = 0.7  # of the references; the others are real frames, which have no trace of a generator
CODED_SHARE = 0.7  # of the altered ones
QUALITY = 35, 96  # of JPEG, least and most + 1


class OwnFrame(L1):
    """Reconstruction from an altered copy of the target, so that a generator can edit a frame with nothing else to see.

    The copy is the target as the starting weights generate it for mismatched audio: its pose, light and background are
    the target's to the pixel, its mouth, jaw and cheeks are not (FlashLips, arXiv 2512.20033, stage 2: altered frame
    in, real frame out). So there is nothing in the input from which the right mouth could be copied. Copies are coded
    as JPEG, and mixed with real frames of other moments, so that traces of the generator do not tell which is which.
    """

    name = "own-frame"
    defaults: ClassVar[dict[str, Any]] = {**L1.defaults, "generator": "compact", "targets_per_reference": 2}
    architectures = ("compact",)
    needs: ClassVar[frozenset[str]] = frozenset({"start"})

    def __init__(self, context: RecipeContext) -> None:
        super().__init__(context)
        assert context.start is not None
        if hears(context.start) != context.config.speech:
            raise InputError(
                f"the weights to start from hear {hears(context.start)}, not {context.config.speech}",
                hint="start from weights that hear the same",
            )
        self.seed = context.config.seed
        self.alterer: Any = copy.deepcopy(context.start).eval()

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The generator that alters the inputs."""
        return {"alterer": self.alterer}

    def batch(self, source: Source, step: int) -> Batch:
        """Give targets, most of them beside an altered copy of themselves, and right and mismatched speech."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        return alter(source.batch(step), self.alterer, generator)


def alter(batch: Batch, alterer: Any, generator: Generator) -> Batch:
    """Replace most references by an altered copy of the first of their targets.

    Parameters
    ----------
    batch : R references with B / R targets each
    alterer : a generator; what it generates for the first targets' mismatched speech takes the references' place
    generator : of the random choices
    """
    each = len(batch.target) // len(batch.reference)
    target, wrong = batch.target[::each], batch.mismatched_speech[::each]
    chosen = torch.rand(len(target), generator=generator) < ALTERED_SHARE
    coded = torch.rand(len(target), generator=generator) < CODED_SHARE
    qualities = torch.randint(*QUALITY, (len(target),), generator=generator).tolist()
    where = torch.nonzero(chosen).flatten()
    if not len(where):
        return batch
    with torch.no_grad():
        altered = alterer(batch.reference[where], target[where], wrong[where]).image.clamp(0, 1)
    reference = batch.reference.clone()
    for place, picture in zip(where.tolist(), altered, strict=True):
        reference[place] = _code(picture, qualities[place]) if coded[place] else picture
    return batch._replace(reference=reference)


def _code(picture: Tensor, quality: int) -> Tensor:
    """Code a picture (3, S, S) as JPEG and back."""
    import cv2

    pixels = (255 * picture).round().byte().permute(1, 2, 0).cpu().numpy()
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(np.asarray(data), cv2.IMREAD_COLOR)
    assert decoded is not None
    return torch.from_numpy(decoded[:, :, ::-1].copy()).permute(2, 0, 1).to(picture) / 255
