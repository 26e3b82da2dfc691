"""A small generator learns to draw what a trained one draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import torch

from lipsync_cli.errors import InputError
from lipsync_cli.models import hears
from lipsync_cli.models.generators.compact import CompactGenerator
from lipsync_cli.training.losses.loss_functions import mouth_weights, weighted_l1
from lipsync_cli.training.recipes.recipe import GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

CHANNELS = 12, 24, 40, 64  # of the decoder: 59 MFLOP a frame at 96 pixels, the embedded weights have 264
OWN_POSE_SHARE = 0.5  # of the samples: the reference in its own pose, as `lipsync infer` draws it
ARTICULATION = 0.8, 2.2  # of the teacher, least and most: what `lipsync infer` may ask for
FLOW_WEIGHT, MASK_WEIGHT = 2.0, 0.05  # of the L1 of flow and mask, whose errors are then about that of the image


class Taught(NamedTuple):
    """What the student draws, and what the teacher draws of the same; shapes as of `GeneratorResult`."""

    image: Tensor
    flow: Tensor
    mask: Tensor
    taught_image: Tensor
    taught_flow: Tensor
    taught_mask: Tensor


class Distillation(GeneratorRecipe):
    """Teach a compact generator of fewer channels to draw what a trained one draws (Hinton et al. 2015).

    The student takes over the teacher's speech encoder as it is, so that it hears the same voices equally well, and
    learns flow, mask and picture for any articulation. The real frames are inputs alone: half of the samples draw the
    reference in its own pose, which no clip shows with another mouth.
    """

    name = "distillation"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "compact",
        "speech": "encoder",
        "batch_size": 32,
        "targets_per_reference": 4,
        "max_samples": 200_000,
        "learning_rate": 2e-3,
        "beta1": 0.9,
        "beta2": 0.99,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "mouth_weight": 6.0,
        "ema_samples": 8000,
        "augment": True,
        "augment_share": 0.75,
        "transforms": "standard,pose,texture",
        "validate_every": 16_000,
        "checkpoint_every": 3200,
    }
    architectures = ("compact",)
    needs: ClassVar[frozenset[str]] = frozenset({"teacher"})

    def __init__(self, context: RecipeContext) -> None:
        self.teacher: Any = _check_teacher(context).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.seed = context.config.seed
        self.weights = mouth_weights(context.size, context.mouth_region, context.config.mouth_weight)

    @classmethod
    def dims(cls, context: RecipeContext) -> dict[str, Any]:
        """Give few channels, and as many numbers of speech as the teacher has."""
        return {"channels": list(CHANNELS), "audio_dim": len(_check_teacher(context).speech_centre)}

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The teacher."""
        return {"teacher": self.teacher}

    def begin(self, network: Any) -> None:
        """Give the student the teacher's speech encoder, which does not learn, and a faster order of memory."""
        network.to(memory_format=torch.channels_last)
        network.audio_encoder.load_state_dict(self.teacher.audio_encoder.state_dict())
        network.audio_encoder.requires_grad_(False)
        network.speech_centre.copy_(self.teacher.speech_centre)

    def batch(self, source: Source, step: int) -> Batch:
        """Give references, and targets of which half are their own references."""
        batch: Batch = source.batch(step)
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        reference = batch.reference.repeat_interleave(len(batch.target) // len(batch.reference), 0)
        own = (torch.rand(len(reference), generator=generator) < OWN_POSE_SHARE).to(reference.device)
        return batch._replace(target=torch.where(own[:, None, None, None], reference, batch.target))

    def forward(self, network: Any, batch: Batch) -> Taught:  # type: ignore[override]
        """Let both draw the targets, with an articulation that is drawn for each of them."""
        least, most = ARTICULATION
        articulation = least + (most - least) * torch.rand(len(batch.target), 1, device=batch.target.device)
        with torch.no_grad():
            heard = self.teacher.hear(batch.speech)
            heard = torch.lerp(self.teacher.speech_centre.expand_as(heard), heard, articulation)
            taught = _draw(self.teacher, batch, heard)
        drawn = _draw(network, batch, heard)
        return Taught(*(cast("Tensor", part) for part in (*drawn[:3], *taught[:3])))

    def network_loss(self, batch: Batch, output: Taught) -> dict[str, Tensor]:  # type: ignore[override]
        """Give the named terms of the difference to the teacher; their sum is minimised."""
        flow = (output.flow - output.taught_flow).abs() * output.taught_mask  # where the reference shows
        return {
            "generator/l1": weighted_l1(output.image, output.taught_image, self.weights.to(output.image.device)),
            "generator/flow": FLOW_WEIGHT * flow.mean(),
            "generator/mask": MASK_WEIGHT * (output.mask - output.taught_mask).abs().mean(),
        }

    def pictures(self, batch: Batch, output: Taught) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Give what the student drew and what the teacher drew."""
        return output.image, output.taught_image


def _draw(network: CompactGenerator, batch: Batch, heard: Tensor) -> GeneratorResult:
    code = network.encode_face(batch.reference, batch.target)
    return network.join(batch.reference, batch.target, network.draw(code, heard))


def _check_teacher(context: RecipeContext) -> CompactGenerator:
    """Return the teacher; raise InputError if the student cannot learn from it."""
    teacher, speech = context.teacher, context.config.speech
    if not isinstance(teacher, CompactGenerator):
        raise InputError("is no compact generator", context.teacher_path, "leave it out for that of the package")
    if hears(teacher) != speech:
        fact = f"the generator to learn from hears {hears(teacher)}, not {speech}"
        raise InputError(fact, context.teacher_path, f"add --speech {hears(teacher)}")
    if teacher.speech_centre.isnan().any():
        raise InputError("has no centre of speech embeddings", context.teacher_path, "train it anew")
    return teacher
