"""A network that says what a generator would hear, from the sounds of a text and their times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np
import torch

from lipsync_cli import models
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.faces.mouth_shapes import SHAPES
from lipsync_cli.models import architectures_of, hears
from lipsync_cli.speech.phones.timed_phones import describe_frames
from lipsync_cli.speech.speech_features import WINDOW
from lipsync_cli.training.embedding_mouth_map import MouthReadout, fit_readout
from lipsync_cli.training.evaluators.phone_embedding import PhoneEvaluator
from lipsync_cli.training.losses.speech_terms import Sequences, speech_terms
from lipsync_cli.training.phone_sequences import LENGTH, PhoneSequences
from lipsync_cli.training.recipes.recipe import BaseRecipe
from lipsync_cli.training.sequences import at_places

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.generator_protocols import SpeechDriven
    from lipsync_cli.models.phone_encoder import PhoneEncoder
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

FEATURE_WEIGHT = 0.2  # of the features themselves, so that they can be mixed with those of a sound
SILENT_SHARE = 1 / 16  # of the sequences in which nothing is said


class Described(NamedTuple):
    """Sequences of N clips, L frames each, and what is said in them.

    Attributes
    ----------
    frames : shape (N, T + 2 * margin, WIDTH), see `speech.phones.timed_phones.describe_frames`
    features, place, shape, embedding, is_known, is_silent : of the real sounds and mouths, see `Sequences`
    """

    frames: Tensor
    features: Tensor
    place: Tensor
    shape: Tensor
    embedding: Tensor
    is_known: Tensor
    is_silent: Tensor


class Told(NamedTuple):
    """Speech features (N, T, 384) of a student, and their embeddings (N, L, D)."""

    features: Tensor
    embedding: Tensor


class TextRecipe(BaseRecipe):
    """Teach a network to give, for the sounds of a text, speech features that move a mouth as the real ones do.

    The features go through the speech encoder of a trained generator, which stays as it is: the student's embedding is
    compared with that of the real sound (knowledge distillation, Hinton et al. 2015), corrected to the shape that the
    real mouth had, and what is read off it with the landmarks. So whatever generator hears speech features can be
    driven by text. No picture is drawn.
    """

    name = "text"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "phone-encoder",
        "speech": "encoder",
        "batch_size": 24 * LENGTH,
        "max_samples": 4000 * 24 * LENGTH,
        "learning_rate": 1.5e-3,
        "beta1": 0.9,
        "beta2": 0.99,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "ema_samples": 60_000,
        "validate_every": 200 * 24 * LENGTH,
        "checkpoint_every": 200 * 24 * LENGTH,
        "sheet_every": 2000 * 24 * LENGTH,
    }
    architectures = architectures_of("phone encoder")
    sees_crops = False
    needs: ClassVar[frozenset[str]] = frozenset({"transcripts", "teacher"})

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the network would give anything but speech features, or a batch holds no whole sequence.

        So is a batch of fewer frames than a sequence has.
        """
        if config.speech != "encoder":
            raise UsageError(f"the recipe {cls.name} gives speech features", hint="leave out --speech")
        if config.batch_size % LENGTH:
            raise UsageError(f"a batch of {config.batch_size} is no whole number of sequences of {LENGTH} frames")

    def __init__(self, context: RecipeContext) -> None:
        assert context.transcripts is not None
        assert context.teacher is not None
        if hears(context.teacher) != "encoder":
            raise InputError(
                "the generator of --teacher hears mels, not speech features",
                context.teacher_path,
                "leave it out for that of the package",
            )
        self.config, self.transcripts = context.config, context.transcripts
        self.teacher: Any = cast("SpeechDriven", context.teacher).audio_encoder

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The speech encoder of the generator."""
        return {"teacher": self.teacher}

    @property
    def facts(self) -> dict[str, Any]:
        """Whom the network has learned from, and which sounds."""
        table = self.sequences.table
        return {
            "clips": len(table.rows),
            "frames": sum(map(len, table.frames)),
            "speakers": sorted({str(name) for name in table.speakers}),
            "phones": sorted(self.sequences.symbols),
        }

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Let the teacher hear the clips whose words are known, and find how mouths stand in what it makes of them."""
        self.sequences = PhoneSequences(source, self.transcripts)
        with torch.device("meta"):
            self._margin = cast("PhoneEncoder", models.build(self.config.generator, self.config.dims)).margin
        table = self.sequences.table
        note(f"{len(table.rows)} clips have words, with {len(self.sequences.symbols)} speech sounds")
        self._embeddings = self._hear(source)
        frames = np.concatenate(table.frames)
        seen = frames[np.isfinite(table.shape[frames]).all(1)]
        self.readout: MouthReadout = fit_readout(
            torch.from_numpy(self._embeddings[seen]).double(), torch.from_numpy(table.shape[seen]).double()
        )
        with torch.no_grad():
            silence = torch.from_numpy(np.tile(table.silence, (1, WINDOW, 1))).to(source.device)
            self._silent = self.teacher(silence)[0].cpu().numpy()
        told = ", ".join(f"{name} {value:.3f}" for name, value in zip(SHAPES, self.readout.correlation, strict=True))
        note(f"what is read off the sound's embedding correlates with the mouth: {told}")

    def batch(self, source: Source, step: int) -> Described:
        """Give sequences of sounds, what the teacher heard, and the mouths that made them."""
        config, table = self.config, self.sequences.table
        rng = np.random.default_rng([config.seed, step])
        count = config.batch_size // LENGTH
        clips, starts = table.draw(rng, count, config.speaker_temperature)
        described, _ = self.sequences.cut(clips, starts, self._margin, rng)
        features, place = table.cut(clips, starts)
        frames = table.numbers(clips, starts)
        embedding = self._embeddings[frames]
        silent = rng.random(count) < SILENT_SHARE
        described[silent] = describe_frames([], 0, 1)
        features[silent] = table.silence
        embedding[silent] = self._silent
        arrays = described, features, place, table.shape[frames], embedding, np.ones(count, bool), silent
        return Described(*(torch.from_numpy(array).to(source.device) for array in arrays))

    def forward(self, network: Any, batch: Described) -> Told:
        """Give the features of the sequences, and embed them."""
        features = network(batch.frames)
        return Told(features, at_places(self.teacher.embed_sequence(features), batch.place))

    def network_loss(self, batch: Described, output: Told) -> dict[str, Tensor]:
        """Give the named terms of the loss."""
        terms = speech_terms(Sequences(*batch[1:]), output.embedding, self.readout.to(output.embedding))
        apart = (output.features - batch.features) / self.teacher.deviation
        return terms | {"speech/features": FEATURE_WEIGHT * apart.square().mean()}

    def evaluator(self, source: Source, held_out: Source | None) -> Any:
        """Evaluate how well what is read off the embedding follows the real mouths, beside other clips' words."""
        return PhoneEvaluator(source, held_out, self.readout, self.teacher, self.transcripts)

    def _hear(self, source: Source) -> np.ndarray:
        """Give the teacher's embeddings of all frames of the pack that take part, (N, D) float32."""
        table, clips = self.sequences.table, []
        with torch.no_grad():
            for clip, frames in enumerate(table.frames):
                heard = table.cut(np.array([clip]), np.array([0]), length=len(frames))
                features, place = (torch.from_numpy(array).to(source.device) for array in heard)
                clips.append(at_places(self.teacher.embed_sequence(features), place)[0].cpu().numpy())
        embeddings = np.zeros((len(table.shape), clips[0].shape[1]), np.float32)
        embeddings[np.concatenate(table.frames)] = np.concatenate(clips)
        return embeddings
