"""Edit the frame itself: the input is the target, with a mouth that says something else."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from lipsync_cli.errors import InputError
from lipsync_cli.models import hears
from lipsync_cli.training.losses.terms import mouth_weights, weighted_l1
from lipsync_cli.training.recipes.generators.l1 import L1

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

REAL_SHARE = 0.35  # of the second inputs: real frames of other moments, which have no trace of a generator
CODED_SHARE = 0.7  # of the altered inputs
QUALITY = 35, 96  # of JPEG, least and most + 1
ARTICULATION = 1.0, 2.2  # of the altered inputs, least and most: people open their mouths wider than a mean does


class OwnFrame(L1):
    """Reconstruction from altered copies of the target, so that a generator can edit a frame with nothing else to see.

    A copy is the target as the starting weights generate it for mismatched audio: its pose, light and background are
    the target's to the pixel, its mouth, jaw and cheeks are not (FlashLips, arXiv 2512.20033, stage 2: altered frame
    in, real frame out). So there is nothing in the input from which the right mouth could be copied. Copies are coded
    as JPEG, and mixed with real frames of other moments, so that traces of the generator do not tell which is which.

    Each target has two inputs with different mouths. What is generated from both has to be equal (`invariance_weight`
    times their weighted L1): nothing of the input's mouth may show in the output.
    """

    name = "own-frame"
    defaults: ClassVar[dict[str, Any]] = {**L1.defaults, "generator": "compact", "invariance_weight": 1.0}
    architectures = ("compact",)
    needs: ClassVar[frozenset[str]] = frozenset({"start"})

    def __init__(self, context: RecipeContext) -> None:
        super().__init__(context)
        assert context.start is not None
        if hears(context.start) != context.config.speech:
            raise InputError(
                f"the weights to start from hear {hears(context.start)}, not {context.config.speech}",
                context.start_path,
                "start from weights that hear the same",
            )
        self.seed, self.invariance_weight = context.config.seed, context.config.invariance_weight
        self.weights = mouth_weights(context.size, context.mouth_region, context.config.mouth_weight)
        self.alterer: Any = copy.deepcopy(context.start).eval()

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The generator that alters the inputs."""
        return {"alterer": self.alterer}

    def batch(self, source: Source, step: int) -> Batch:
        """Give each target twice, beside two inputs with different mouths, and right and mismatched speech."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        return pair(source.batch(step), self.alterer, generator)

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the terms of reconstruction, and what two inputs of a target change in the output."""
        terms = super().network_loss(batch, output)
        if self.invariance_weight and len(output.image) % 2 == 0:
            one, other = output.image[0::2], output.image[1::2]
            difference = weighted_l1(one, other, self.weights.to(one.device))
            terms["generator/invariance"] = self.invariance_weight * difference
        return terms


def pair(batch: Batch, alterer: Any, generator: Generator) -> Batch:
    """Give each target two inputs with different mouths.

    Parameters
    ----------
    batch : R references with B / R targets each
    alterer : a generator; what it generates for the targets' mismatched speech is the first input, for that of another
        target most of the second ones; the other second ones are the references
    generator : of the random choices

    Returns
    -------
    2 B references, those of a target side by side, with one target each
    """
    each = len(batch.target) // len(batch.reference)
    real, count = batch.reference.repeat_interleave(each, 0), len(batch.target)
    first = _alter(real, batch.target, batch.mismatched_speech, alterer, generator)
    second = real.clone()
    chosen = torch.nonzero(torch.rand(count, generator=generator) >= REAL_SHARE).flatten()
    if len(chosen):
        wrong = batch.mismatched_speech.roll(1, 0)[chosen]
        second[chosen] = _alter(real[chosen], batch.target[chosen], wrong, alterer, generator)
    fields = batch._replace(reference=torch.zeros(0))._asdict()
    twice: dict[str, Tensor] = {name: field.repeat_interleave(2, 0) for name, field in fields.items()}
    return batch._replace(**{**twice, "reference": torch.stack([first, second], 1).flatten(0, 1)})


def _alter(reference: Tensor, target: Tensor, speech: Tensor, alterer: Any, generator: Generator) -> Tensor:
    """Generate targets with another mouth, shape (N, 3, S, S), most of them coded as JPEG."""
    least, most = ARTICULATION
    alterer.articulation = least + (most - least) * float(torch.rand(1, generator=generator))
    with torch.no_grad():
        altered = alterer(reference, target, speech).image.clamp(0, 1)
    coded = torch.rand(len(altered), generator=generator) < CODED_SHARE
    qualities = torch.randint(*QUALITY, (len(altered),), generator=generator).tolist()
    for place in torch.nonzero(coded).flatten().tolist():
        altered[place] = _code(altered[place], qualities[place])
    return altered


def _code(picture: Tensor, quality: int) -> Tensor:
    """Code a picture (3, S, S) as JPEG and back."""
    import cv2

    pixels = (255 * picture).round().byte().permute(1, 2, 0).cpu().numpy()
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(np.asarray(data), cv2.IMREAD_COLOR)
    assert decoded is not None
    return torch.from_numpy(decoded[:, :, ::-1].copy()).permute(2, 0, 1).to(picture) / 255
