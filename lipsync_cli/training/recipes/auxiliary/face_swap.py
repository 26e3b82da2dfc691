"""Another face on the same head: an encoder that all people share, a decoder for each, learned from distorted faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from lipsync_cli.datasets.face_outliers import Frames, check_people, find_outliers
from lipsync_cli.datasets.face_people import PeopleFaces, SwapBatch, hold_faces
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.models import architectures_of
from lipsync_cli.models.discriminators.face_discriminator import FaceDiscriminator
from lipsync_cli.models.swapping.face_swapper import SIZES
from lipsync_cli.training.evaluators.swap_evaluator import SwapEvaluator
from lipsync_cli.training.losses.swap_terms import (
    edge_l1,
    mask_hinge,
    mixup_loss,
    mixup_share,
    realness_loss,
    total_variation,
    weighted_l1,
)
from lipsync_cli.training.recipes.auxiliary.swap_schedule import (
    CONSTANT,
    EXCHANGE_AT,
    STAGES,
    exchange_decoders,
    stage_at,
)
from lipsync_cli.training.recipes.recipe import BaseRecipe, Discriminator

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from lipsync_cli.models.swapping.face_swapper import SwapOutput
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.engine.checkpoint import TrainState
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.losses.face_perception import FacePerception
    from lipsync_cli.training.recipes.context import RecipeContext

EDGES = 0.1  # weight of the edges' term
EYES = 30.0  # weight of the eyes beside one for the rest
MASK_L1, MASK_HINGE, MASK_VARIATION = 0.01, 0.1, 0.1
MASK_FACE, FACE_LEAST = 0.3, 0.8  # weight and value of a hinge inside of the face, else early masks are empty
OUTSIDE = 0.2  # weight of what lies outside the face's mask
DISCRIMINATOR_RATE = 2.0  # its learning rate beside the generator's
ADVERSARIAL_FROM = 0.2  # of the run; published: from the start, when there are no shapes yet


class FaceSwap(BaseRecipe):
    """Undistort the faces of several people, each by a decoder of its own; any decoder then draws any face.

    The terms are those of faceswap-GAN v2.2: L1, edges, eyes, least squares on mixtures of real and drawn faces, and
    of the mask a pull up or down by stage, and its total variation. The L1 also counts the mouth more (`mouth_weight`),
    and less what lies outside of the face. The perceptual term, on VGGFace in the original, is on the features of
    `FacePerception`, and only where it is asked for (`perceptual_weight`).
    """

    name = "face-swap"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "face-swap",
        "batch_size": 16,
        "max_samples": 640_000,  # 40,000 iterations of 8 faces of each of two people
        "learning_rate": 1e-4,
        "beta1": 0.5,
        "adversarial_weight": 0.1,
        "mouth_weight": 5.0,
        "schedule": STAGES,
        "validate_every": 16_000,
        "checkpoint_every": 4_000,
        "sheet_every": 8_000,
    }
    architectures = architectures_of("face swapper")
    min_faces: ClassVar[int] = 100  # of each person

    def __init__(self, context: RecipeContext) -> None:
        self.config, self.names = context.config, context.speakers
        config = self.config
        self.discriminators = {}
        if config.adversarial_weight:
            self.discriminators = {
                f"critic_{name}": Discriminator(
                    FaceDiscriminator(config.face_size, parse_attention(config.attention)), rate=DISCRIMINATOR_RATE
                )
                for name in self.names
            }
        self._share, self._stage = 0.0, CONSTANT
        self._people: PeopleFaces | None = None
        self._perception: FacePerception | None = None

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError for faces or attention of another size than the networks have."""
        if config.face_size not in SIZES:
            raise UsageError(f"--face-size {config.face_size} does not exist", hint=f"use {', '.join(map(str, SIZES))}")
        parse_attention(config.attention)

    @classmethod
    def dims(cls, context: RecipeContext) -> dict[str, Any]:
        """Give the network a decoder for each of the people."""
        config = context.config
        if len(context.speakers) < 2:
            known = " ".join(context.speakers) or "nobody"
            raise InputError(
                f"a swap needs two people, the pack has {known}", hint="give each person a folder of videos"
            )
        return {
            "people": list(context.speakers),
            "side": config.face_size,
            "width": config.swap_width,
            "attention": sorted(parse_attention(config.attention)),
        }

    def advance(self, state: TrainState, done: int, total: int) -> float:
        """Choose the stage, and exchange the decoders when their time has come."""
        config = self.config
        self._share = done / total
        if config.schedule != STAGES:
            return 1.0
        self._stage = stage_at(self._share)
        if config.exchange and done - config.batch_size < EXCHANGE_AT * total <= done:
            exchange_decoders(cast("nn.ModuleList", state.generator.decoders), state.optimizer)
            if state.ema is not None:
                exchange_decoders(cast("nn.ModuleList", state.ema.decoders))
        return self._stage.rate

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Align the faces of everyone, and leave out those that are somebody else's."""
        if source.points is None:
            raise _without_landmarks(source)
        frames, known = self.sort_out(source, _frames_of(source, self.names), note)
        for name, kept in frames.items():
            if len(kept) < self.min_faces:
                fact = f"has {len(kept)} faces of {name}, {self.min_faces} are needed"
                raise InputError(fact, source.path, f"give more videos of {name}")
        check_people(known, source.path)
        self._people = _hold(source, frames, self.config.face_size)
        if self.config.perceptual_weight:
            from lipsync_cli.training.losses.face_perception import FacePerception

            self._perception = FacePerception(source.device)

    def sort_out(self, source: Source, frames: Frames, note: Callable[[str], None]) -> tuple[Frames, Frames]:
        """Leave out the frames that show somebody else; return the others, and what everyone usually looks like."""
        return find_outliers(source.crops, source.crop_rule, frames, note)

    def batch(self, source: Source, step: int) -> SwapBatch:
        """Give as many distorted faces of each person."""
        assert self._people is not None
        return self._people.batch(self.config.batch_size, self.config.seed, step, source.device)

    def forward(self, network: nn.Module, batch: SwapBatch) -> SwapOutput:
        """Undistort each face by its own person's decoder."""
        output: SwapOutput = network(batch.distorted, batch.person)
        return output

    def pictures(self, batch: SwapBatch, output: SwapOutput) -> tuple[Tensor, Tensor]:
        """Give the drawn and the real faces."""
        return output.image, batch.target

    @property
    def _is_adversarial(self) -> bool:
        return bool(self.discriminators) and (self._share >= ADVERSARIAL_FROM or self.config.schedule != STAGES)

    def discriminator_losses(
        self, name: str, batch: SwapBatch, output: SwapOutput, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the loss on mixtures of real faces with masked, and with unmasked drawn ones of a person."""
        if not self._is_adversarial:
            return
        network, rows = self.discriminators[name].network, self._rows(name, batch)
        real, distorted = batch.target[rows], batch.distorted[rows]
        share = mixup_share(len(real), real.device)
        yield {
            f"{name}/mixed": mixup_loss(network, real, output.image[rows], distorted, share),
            f"{name}/mixed_colour": mixup_loss(network, real, output.colour[rows], distorted, share),
        }

    def _rows(self, name: str, batch: SwapBatch) -> Tensor:
        return batch.person == self.names.index(name.removeprefix("critic_"))

    def network_loss(self, batch: SwapBatch, output: SwapOutput) -> dict[str, Tensor]:
        """Give the terms of drawing and mask."""
        from torch.nn.functional import avg_pool2d

        config, target = self.config, batch.target
        face, eyes, mouth = batch.parts.split(1, 1)
        weight = OUTSIDE + (1 - OUTSIDE) * face + EYES * eyes + config.mouth_weight * mouth
        terms = {
            "generator/l1": weighted_l1(output.image, target, weight) + weighted_l1(output.colour, target, weight),
            "generator/edges": EDGES * edge_l1(output.image, target, 1 + EYES * eyes),
        }
        for name, smaller in (("half", output.half), ("quarter", output.quarter)):
            if smaller is not None:
                factor = target.shape[-1] // smaller.shape[-1]
                terms[f"generator/l1_{name}"] = weighted_l1(
                    smaller, avg_pool2d(target, factor), avg_pool2d(weight, factor)
                )
        hinge = self._stage.hinge
        pull = MASK_L1 * output.mask.mean() if hinge is None else MASK_HINGE * mask_hinge(output.mask, hinge)
        terms["generator/mask"] = pull
        terms["generator/mask_of_face"] = MASK_FACE * (face * (FACE_LEAST - output.mask).clamp(min=0)).mean()
        terms["generator/mask_variation"] = MASK_VARIATION * total_variation(output.mask)
        if self._perception is not None:
            terms["generator/perceptual"] = config.perceptual_weight * self._perception(output.image, target)
        if self._is_adversarial:
            adversarial = target.new_zeros(())
            for name, one in self.discriminators.items():
                rows = self._rows(name, batch)
                for drawn in (output.image[rows], output.colour[rows]):
                    adversarial = adversarial + realness_loss(one.network, drawn, batch.distorted[rows])
            terms["generator/adversarial"] = config.adversarial_weight * adversarial / len(self.names)
        return terms

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate on clips held out, where there are some of everyone."""
        assert self._people is not None
        split, people = "train", list(self._people.people)
        if held_out is not None:
            split = held_out.split
            frames = _frames_of(held_out, [name for name in self.names if name in held_out.table.speaker])
            for name, own in zip(frames, _hold(held_out, frames, self.config.face_size).people, strict=True):
                people[self.names.index(name)] = own
            missing = tuple(name for name in self.names if name not in frames)
        else:
            missing = self.names
        return SwapEvaluator(PeopleFaces(people, self.config.face_size), self.names, split, missing)


def parse_attention(text: str) -> frozenset[int]:
    """Return the sizes of the maps that get self-attention, such as "8,16", or "none".

    Raises
    ------
    UsageError : no such list
    """
    if text == "none":
        return frozenset()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) in (8, 16, 32, 64, 128) for part in parts):
        raise UsageError(f"--attention {text!r} is no list of sizes", hint="such as 8,16 or 8,16,32,64, or none")
    return frozenset(map(int, parts))


def _frames_of(source: Source, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the numbers of each person's frames in a split."""
    import numpy as np

    table = source.table
    pairs = list(zip(table.rows, table.speaker, strict=True))
    return {name: np.concatenate([table.frames[row] for row, own in pairs if own == name]) for name in names}


def _hold(source: Source, frames: Mapping[str, np.ndarray], side: int) -> PeopleFaces:
    """Align the faces of some frames of each person."""
    assert source.points is not None
    return PeopleFaces([hold_faces(source.crops, source.points, each, side) for each in frames.values()], side)


def _without_landmarks(source: Source) -> InputError:
    hint = "make it from the file of detect-faces --head"
    return InputError("holds no landmarks and masks of faces", source.path, hint)
