"""The temporal GAN: a still and a voice to a talking head, against three discriminators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch
from torch.nn import functional

from lipsync_cli.datasets.clip_sequences import AlignedFaces, RunSampler, RunSampling
from lipsync_cli.errors import UsageError
from lipsync_cli.models import architectures_of
from lipsync_cli.models.discriminators.temporal_discriminators import (
    SYNC_FRAMES,
    FrameDiscriminator,
    SequenceDiscriminator,
    SyncDiscriminator,
)
from lipsync_cli.models.generators.mean_face import HEIGHT, MEAN_FACE, WIDTH
from lipsync_cli.models.generators.temporal import NOISE_DEVIATION, NOISE_DIM
from lipsync_cli.speech.speech_windows import ENCODER
from lipsync_cli.training.evaluators.talking_head_evaluator import TalkingHeadEvaluator
from lipsync_cli.training.phases import ADVERSARIAL, SYNC_WARM_UP, parse_schedule
from lipsync_cli.training.recipes.recipe import BaseRecipe, Discriminator

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.clip_sequences import Runs
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.engine.checkpoint import TrainState
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.recipes.context import RecipeContext

FRAME, SYNC, SEQUENCE = "frame", "sync", "sequence"
CHANNELS = 64  # of the discriminators' first layers, times the width
LIPS = (68, 104, 22, 74)  # rows and columns of an aligned face where mouths are
UPPER = 0.15  # weight of the upper half in the L1, of 1 for the lower


class TemporalGAN(BaseRecipe):
    """L1 on the lower half, and three discriminators: of frames beside the still, of sequences, and of synchrony.

    Vougioukas, Petridis and Pantic 2019, "Realistic Speech-Driven Facial Animation with GANs". Three phases, in the
    order without which those who rebuilt it saw lips that do not move: `reconstruction`, L1 alone; `sync-warm-up`, in
    which the sync discriminator sees real faces only, with their own and with shifted sound, and the generator still
    minimises L1 alone; `adversarial`, everything. The still is the first face of a clip, half of the runs are mirrored,
    and the noise is drawn by seed and step. What is this project's own: a little L1 on the upper half (`UPPER`), so
    that there is a face before the frame discriminator begins, and `mouth_weight`.
    """

    name = "temporal-gan"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "temporal",
        "speech": "sound",
        "batch_size": 96,
        "targets_per_reference": 24,
        "consecutive": True,
        "learning_rate": 2e-4,
        "adversarial_weight": 0.02,
        "sync_weight": 0.016,
        "validate_every": 20_000,
        "checkpoint_every": 10_000,
    }
    architectures = architectures_of("talking head")
    learns_pictures = True

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        self.config, self.schedule = config, parse_schedule(config.phases)
        self.phase: str = self.schedule.phase(0)
        self._note: Callable[[str], None] = lambda text: None
        self._faces: dict[str, AlignedFaces] = {}
        self._sampler: RunSampler | None = None
        self.weights = {
            FRAME: config.adversarial_weight,
            SYNC: config.sync_weight,
            SEQUENCE: config.sequence_weight,
        }
        channels = max(4, round(CHANNELS * config.width))
        self.frame, self.sequence = FrameDiscriminator(channels), SequenceDiscriminator(channels)
        self.sync = SyncDiscriminator(channels, config.speech)
        networks = {FRAME: self.frame, SYNC: self.sync, SEQUENCE: self.sequence}
        self.discriminators = {name: Discriminator(one) for name, one in networks.items() if self.weights[name]}
        self._lower = torch.full((1, 1, HEIGHT, WIDTH), UPPER)
        self._lower[:, :, HEIGHT // 2 :] = 1.0
        row0, row1, column0, column1 = LIPS
        self._lower[:, :, row0:row1, column0:column1] = config.mouth_weight
        self._lower /= self._lower.mean()

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if a run of frames is too short for the sync discriminator, or the schedule is none."""
        parse_schedule(config.phases)
        if config.targets_per_reference < SYNC_FRAMES:
            raise UsageError(
                f"synchrony is judged on {SYNC_FRAMES} frames, and a run has {config.targets_per_reference}",
                hint=f"use --targets-per-reference {SYNC_FRAMES} or more",
            )

    @classmethod
    def dims(cls, context: RecipeContext) -> dict[str, Any]:
        """Give the generator's width, and what it hears."""
        return {"width": context.config.width, "speech": context.config.speech}

    @property
    def chance_levels(self) -> dict[str, float]:
        """Errors of a discriminator that guesses, and its losses."""
        errors = {f"{name}/errors": 0.5 for name in self.discriminators}
        return errors | {f"{name}/loss": math.log(2) for name in self.discriminators}

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Look where eyes and noses are, and find the runs."""
        self._note = note
        config = self.config
        length = config.targets_per_reference
        sampling = RunSampling(
            config.batch_size // length,
            length,
            config.speaker_temperature,
            config.seed,
            (NOISE_DIM, NOISE_DEVIATION),
            SYNC_FRAMES,
        )
        self._sampler = RunSampler(self._align(source), sampling)
        if config.speech == ENCODER and source.features is not None:
            self.sync.standardise(*source.features.measure())

    def _align(self, source: Source) -> AlignedFaces:
        if source.split not in self._faces:
            pack, template = cast("Pack", source.pack), np.array(MEAN_FACE)
            self._faces[source.split] = AlignedFaces(pack, source.crops, source.table, source.device, template)
        return self._faces[source.split]

    def advance(self, state: TrainState, done: int, total: int) -> float:
        """Take up the phase of a step that begins after so many samples."""
        self.enter(done)
        return 1.0

    def enter(self, samples: int) -> None:
        """Take up the phase that there is after so many samples."""
        phase = self.schedule.phase(samples)
        if phase != self.phase:
            self._note(f"{samples} samples: phase {phase}")
        self.phase = phase

    def batch(self, source: Source, step: int) -> Runs:
        """Give runs of consecutive frames."""
        assert self._sampler is not None
        return self._sampler.draw(step)

    def forward(self, network: Any, batch: Runs) -> Tensor:
        """Draw the runs."""
        drawn: Tensor = network(batch.still, batch.speech, batch.noise)
        return drawn

    def pictures(self, batch: Runs, output: Tensor) -> tuple[Tensor, Tensor]:
        """Give what was drawn and what is real."""
        return output, batch.target

    def discriminator_losses(
        self, name: str, batch: Runs, output: Tensor, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the loss of a discriminator's update: cross-entropy, real and not real alike; none before its phase."""
        if self.is_taught(name):
            real, *others = self._logits(name, batch, output)
            wrong = torch.stack([functional.softplus(other).mean() for other in others]).mean()
            yield {f"{name}/loss": (functional.softplus(-real).mean() + wrong) / 2}

    def is_taught(self, name: str) -> bool:
        """Say whether a discriminator learns in this phase."""
        return self.phase == ADVERSARIAL or (self.phase == SYNC_WARM_UP and name == SYNC)

    def observe(self, name: str, batch: Runs, output: Tensor) -> dict[str, Tensor]:
        """Give the share of errors, real and not real alike, and the accuracy, which is the rest."""
        if not self.is_taught(name):
            return {}
        real, *others = self._logits(name, batch, output)
        wrong = torch.stack([(other > 0).float().mean() for other in others]).mean()
        errors = ((real <= 0).float().mean() + wrong) / 2
        return {f"{name}/errors": errors, f"{name}/accuracy": 1 - errors}

    def _logits(self, name: str, batch: Runs, output: Tensor) -> list[Tensor]:
        """Score what is real, and then each kind of what is not."""
        runs = len(batch.still)
        if name == SEQUENCE:
            return [self.sequence(frames.unflatten(0, (runs, -1))) for frames in (batch.target, output)]
        if name == FRAME:
            return [self._score_frames(batch, frames) for frames in (batch.target, output)]
        own = batch.speech[self._places(batch, batch.synced + SYNC_FRAMES // 2)]
        logits = [self._score_sync(batch, batch.target, own), self._score_sync(batch, batch.target, batch.shifted)]
        return logits if self.phase == SYNC_WARM_UP else [*logits, self._score_sync(batch, output, own)]

    def _score_frames(self, batch: Runs, frames: Tensor) -> Tensor:
        each = len(batch.shown) // len(batch.still)
        return self.frame(batch.still.repeat_interleave(each, 0), frames[self._places(batch, batch.shown)])

    def _score_sync(self, batch: Runs, frames: Tensor, speech: Tensor) -> Tensor:
        starts = self._places(batch, batch.synced)
        index = starts[:, None] + torch.arange(SYNC_FRAMES, device=starts.device)
        return self.sync(frames[index], speech)

    @staticmethod
    def _places(batch: Runs, in_run: Tensor) -> Tensor:
        """Turn places in runs into places in the batch."""
        runs, length = len(batch.still), len(batch.target) // len(batch.still)
        base = length * torch.arange(runs, device=in_run.device).repeat_interleave(len(in_run) // runs)
        return base + in_run

    def network_loss(self, batch: Runs, output: Tensor) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        weights = self._lower.to(output.device)
        terms = {"generator/l1": ((output - batch.target).abs() * weights).mean()}
        if self.phase != ADVERSARIAL:
            return terms
        for name in self.discriminators:
            score = self._score_output(name, batch, output)
            terms[f"generator/{name}"] = self.weights[name] * functional.softplus(-score).mean()
        return terms

    def _score_output(self, name: str, batch: Runs, output: Tensor) -> Tensor:
        if name == FRAME:
            return self._score_frames(batch, output)
        if name == SEQUENCE:
            return self.sequence(output.unflatten(0, (len(batch.still), -1)))
        return self._score_sync(batch, output, batch.speech[self._places(batch, batch.synced + SYNC_FRAMES // 2)])

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate by whole clips that are drawn from their first face."""
        shown = held_out or source
        return TalkingHeadEvaluator(self._align(shown), shown, held_out is not None, LIPS, lambda: self.phase)
