"""A trained generator learns to hear speech features, from many people's mouths and without a picture."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.faces.mouth_shapes import SHAPES
from lipsync_cli.models import hears
from lipsync_cli.models.mel_shape import mel_shape_of
from lipsync_cli.speech.mel import WINDOW
from lipsync_cli.training.embedding_mouth_map import MouthReadout, fit_readout
from lipsync_cli.training.evaluators.speech_encoder_evaluator import EmbeddingEvaluator
from lipsync_cli.training.losses.speech_terms import Sequences, speech_terms
from lipsync_cli.training.recipes.recipe import GeneratorRecipe
from lipsync_cli.training.sequences import SequenceTable, at_places

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.generator_protocols import SpeechDriven
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

LENGTH = 30  # frames of a sequence: 1.2 s at 25 a second, the shortest clips of the corpora
SILENT_SHARE = 1 / 16  # of the sequences that are silent
READOUT_FRAMES = 16_384  # from which the readout is fitted
_TOGETHER = 1024


class SpeechEmbedding(GeneratorRecipe):
    """Teach a generator that hears mels of a few people to hear speech features of anybody; all else stays as it is.

    Speakers whom the weights know teach the embedding itself: the student gives for the features what the mel encoder
    gave for the mels (knowledge distillation, Hinton et al. 2015), corrected to the shape that the real mouth had.
    Everybody else teaches only how the mouth is shaped: how far open, how wide, how far apart the inner lips. That is
    read off the embedding by a linear map, fitted on the known speakers' real mouths, and compared with the landmarks
    of the real mouth in units of each person's own mean and deviation. No picture is drawn.
    """

    name = "speech-embedding"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "compact",
        "speech": "encoder",
        "batch_size": 32 * LENGTH,
        "max_samples": 1500 * 32 * LENGTH,
        "learning_rate": 1.5e-3,
        "beta1": 0.9,
        "beta2": 0.99,
        "weight_decay": 0.2,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "ema_samples": 60_000,
        "augment": True,
        "augment_share": 0.5,
        "speaker_temperature": 1.5,
        "validate_every": 100 * 32 * LENGTH,
        "checkpoint_every": 100 * 32 * LENGTH,
        "sheet_every": 1500 * 32 * LENGTH,
    }
    architectures = ("compact",)
    needs: ClassVar[frozenset[str]] = frozenset({"start"})
    learns_pictures = False

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the network would not hear speech features, or a batch holds no whole sequence."""
        if config.speech != "encoder":
            raise UsageError(
                f"the recipe {cls.name} teaches a generator to hear speech features", hint="leave out --speech"
            )
        if config.batch_size % LENGTH:
            raise UsageError(f"a batch of {config.batch_size} is no whole number of sequences of {LENGTH} frames")

    def __init__(self, context: RecipeContext) -> None:
        self.config, start = context.config, cast("SpeechDriven", context.start)
        if hears(cast("nn.Module", start)) != "mel":
            fact = "the weights to start from hear speech features"
            raise InputError(fact, context.start_path, "start from weights that hear mels")
        self.mel_shape = mel_shape_of(cast("nn.Module", start))
        if self.mel_shape[1] != WINDOW:
            fact = f"the weights to start from hear windows of {self.mel_shape[1]} mel frames, not {WINDOW}"
            raise InputError(fact, context.start_path, "start from other weights")
        self.teacher: Any = copy.deepcopy(start.audio_encoder)
        self.known_speakers = context.start_speakers

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The encoder of the weights that the run starts from."""
        return {"teacher": self.teacher}

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Let the teacher hear the speakers that it knows, and find how mouths stand in what it makes of them."""
        table = SequenceTable(source, LENGTH)
        self.table = table
        known = np.isin(table.speakers, sorted(self.known_speakers))
        if not known.any():
            names = ", ".join(sorted(self.known_speakers)) or "none"
            raise NothingToDoError(f"no training clip is of a speaker that the weights know ({names})", table.path)
        self._is_known = known
        frames = np.concatenate([table.frames[place] for place in np.flatnonzero(known)])
        note(f"{int(known.sum())} of {len(known)} clips are of speakers that the weights know")
        self._embeddings = np.zeros((len(table.shape), self._dim(source)), np.float32)
        self._embeddings[frames] = self._hear(source, frames)
        measured = frames[np.isfinite(table.shape[frames]).all(1)]
        some = measured[np.unique(np.linspace(0, len(measured) - 1, READOUT_FRAMES).round().astype(int))]
        self.readout: MouthReadout = fit_readout(
            torch.from_numpy(self._embeddings[some]).double(), torch.from_numpy(table.shape[some]).double()
        )
        silence = torch.full((1, 1, *self.mel_shape), -4.0, device=source.device)
        with torch.no_grad():
            self._silent = self.teacher(silence)[0].cpu().numpy()
        told = ", ".join(f"{name} {value:.3f}" for name, value in zip(SHAPES, self.readout.correlation, strict=True))
        note(f"what is read off the embedding correlates with the mouth: {told}")

    def batch(self, source: Source, step: int) -> Sequences:  # type: ignore[override]
        """Give sequences of sounds, and the mouths that made them."""
        config, table = self.config, self.table
        rng = np.random.default_rng([config.seed, step])
        count = config.batch_size // LENGTH
        clips, starts = table.draw(rng, count, config.speaker_temperature)
        variants = source.draw_variants(count, step, config.seed)
        features, place = table.cut(clips, starts, variants)
        frames = table.numbers(clips, starts)
        embedding, shape = self._embeddings[frames], table.shape[frames]
        silent = rng.random(count) < SILENT_SHARE
        features[silent] = table.silence
        embedding[silent] = self._silent
        arrays = features, place, shape, embedding, self._is_known[clips], silent
        return Sequences(*(torch.from_numpy(array).to(source.device) for array in arrays))

    def forward(self, network: Any, batch: Sequences) -> Tensor:  # type: ignore[override]
        """Embed the sequences: shape (N, L, D)."""
        embedded = network.audio_encoder.embed_sequence(batch.features)
        if network.training:
            network.follow_centre(embedded.detach().flatten(0, 1))
        return at_places(embedded, batch.place)

    def network_loss(self, batch: Sequences, output: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Give the named terms of the encoder's loss."""
        return speech_terms(batch, output, self.readout.to(output))

    def evaluator(self, source: Source, held_out: Source | None) -> Any:
        """Evaluate how well what is read off the embedding follows the real mouths, beside the mismatched sound."""
        return EmbeddingEvaluator(source, held_out, self.readout)

    def _dim(self, source: Source) -> int:
        with torch.no_grad():
            return int(self.teacher(torch.zeros(1, 1, *self.mel_shape, device=source.device)).shape[1])

    def _hear(self, source: Source, frames: np.ndarray) -> np.ndarray:
        """Give the teacher's embeddings of frames, (n, D) float32."""
        parts = []
        with torch.no_grad():
            for first in range(0, len(frames), _TOGETHER):
                mels = source.table.fetch_windows(frames[first : first + _TOGETHER], source.device)
                parts.append(self.teacher(mels.transpose(1, 2)[:, None].contiguous()).cpu().numpy())
        return np.concatenate(parts)
