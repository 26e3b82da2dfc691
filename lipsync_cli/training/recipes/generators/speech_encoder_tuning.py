"""A trained generator learns to hear better how far the mouth is open, and nothing else."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np
import torch

from lipsync_cli.datasets.transforms.voice import change_voice
from lipsync_cli.training.evaluators.mouth_openings import measure_openings
from lipsync_cli.training.recipes.recipe import GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.generator_protocols import SpeechDriven
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.recipes.context import RecipeContext

OPENING_WEIGHT = 6.0  # beside that of the embedding
READOUT_FRAMES = 8192  # from which the readout is fitted
RIDGE = 1e-3  # of the mean variance of the embeddings
_TOGETHER = 1024


class Heard(NamedTuple):
    """Sounds, and what is to be heard in them.

    Attributes
    ----------
    mel : shape (B, 1, 80, 27), transformed
    clean : shape (B, 1, 80, 27), as they are
    opening : shape (B,), how far the mouth is open, in the speaker's standard deviations
    """

    mel: Tensor
    clean: Tensor
    opening: Tensor


class Readout(NamedTuple):
    """How the opening stands in the embeddings of the weights that the run starts from.

    Attributes
    ----------
    centre, weight : shape (D,): the opening is read as (e - centre) . weight, by ridge regression
    direction : shape (D,), how an embedding changes with what is read of it: covariance x weight over its variance
    variance : shape (D,), of the embeddings
    correlation : correlation of what is read with the opening, where it was fitted
    """

    centre: Tensor
    weight: Tensor
    direction: Tensor
    variance: Tensor
    correlation: float

    def to(self, other: Tensor) -> Readout:
        """Return it of another tensor's type and device."""
        centre, weight, direction, variance, correlation = self
        return Readout(centre.to(other), weight.to(other), direction.to(other), variance.to(other), correlation)

    def read(self, embedding: Tensor) -> Tensor:
        """Return what is read of embeddings (B, D): shape (B,)."""
        return (embedding - self.centre) @ self.weight


class Listen(GeneratorRecipe):
    """Teach the speech encoder of a trained generator the real opening of the mouth; all else stays as it is.

    A generator hears through what its pictures are worth in L1, under transformed voices, and so it hears less of the
    mouth's opening than there is in the sound. What is read of its embeddings linearly is corrected to what dlib's
    landmarks see of the real mouth (Kazemi and Sullivan 2014): the target of each embedding is the one of the weights
    that the run starts from, moved along the direction in which embeddings differ when the opening does. Regression
    does the rest: the encoder learns the mean of that target given the sound. No picture is drawn, so a sample costs
    little.
    """

    name = "listen"
    defaults: ClassVar[dict[str, Any]] = {
        "generator": "compact",
        "batch_size": 192,
        "max_samples": 768_000,
        "learning_rate": 1.5e-3,
        "beta1": 0.9,
        "weight_decay": 0.02,
        "schedule": "cosine",
        "clip_norm": 1.0,
        "ema_samples": 25_000,
        "augment": True,
        "transforms": "voice,-mask",
        "augment_share": 0.3,
        "speaker_temperature": 2.0,
        "validate_every": 96_000,
        "checkpoint_every": 48_000,
        "sheet_every": 384_000,
    }
    architectures = ("compact",)
    needs = frozenset({"start"})
    measure_openings = staticmethod(measure_openings)  # of a source: numbers of frames, and openings
    learns_pictures = False

    def __init__(self, context: RecipeContext) -> None:
        self.config = context.config
        start = cast("SpeechDriven", context.start)
        self.teacher: Any = copy.deepcopy(start.audio_encoder)

    @property
    def chance_levels(self) -> dict[str, float]:
        """Of one who always says the mean."""
        return {"listen/opening": OPENING_WEIGHT}

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """The encoder of the weights that the run starts from."""
        return {"teacher": self.teacher}

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Measure how far the mouths are open, and how that is read of the embeddings as they are."""
        note("measuring how far the mouths are open")
        table, (frames, openings) = source.table, self.measure_openings(source)
        clip = dict(zip(table.rows, table.clip_probabilities(self.config.speaker_temperature), strict=True))
        rows, where, counts = np.unique(table.clip_of[frames], return_inverse=True, return_counts=True)
        probabilities = np.array([clip[row] for row in rows])[where] / counts[where]
        self._frames, self._openings, self._probabilities = frames, openings, probabilities / probabilities.sum()
        self.readout = self._fit(source, frames, openings)
        told = f"what is read of the speech correlates with the opening by {self.readout.correlation:.3f}"
        note(f"{len(frames)} frames: {told}")

    def batch(self, source: Source, step: int) -> Heard:  # type: ignore[override]
        """Give sounds and the openings of the mouths that made them."""
        config, frames, openings, probabilities = self.config, self._frames, self._openings, self._probabilities
        rng = np.random.default_rng([config.seed, step])
        drawn = rng.choice(len(frames), config.batch_size, p=probabilities)
        clean = source.table.fetch_windows(frames[drawn], source.device).transpose(1, 2)[:, None].contiguous()
        changed = math.ceil(config.batch_size * config.augment_share) if config.augment else 0
        generator = torch.Generator().manual_seed((config.seed * 1_000_003 + step) % 2**63)
        mel = torch.cat([change_voice(clean[:changed], source.transforms, generator), clean[changed:]])
        return Heard(mel, clean, torch.from_numpy(openings[drawn]).to(source.device))

    def forward(self, network: Any, batch: Heard) -> Tensor:  # type: ignore[override]
        """Embed the transformed sounds: shape (B, D)."""
        return network.hear(batch.mel)

    def network_loss(self, batch: Heard, made: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Give the named terms of the encoder's loss."""
        readout = self.readout.to(made)
        with torch.no_grad():
            before = self.teacher(batch.clean)
            wanted = before + (batch.opening - readout.read(before))[:, None] * readout.direction
        return {
            "listen/embedding": ((made - wanted).square() / readout.variance).mean(),
            "listen/opening": OPENING_WEIGHT * (readout.read(made) - batch.opening).square().mean(),
        }

    def _fit(self, source: Source, frames: np.ndarray, openings: np.ndarray) -> Readout:
        """Fit the readout on the embeddings of some frames, as the teacher gives them."""
        embedding, opening = self._embed(source, frames), torch.from_numpy(openings[_some(len(frames))])
        opening = opening.to(embedding)
        centre = embedding.mean(0)
        apart = embedding - centre
        covariance = apart.T @ apart / len(apart)
        ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance)).to(covariance)
        weight = torch.linalg.solve(covariance + ridge, apart.T @ opening / len(apart))
        direction = covariance @ weight / (weight @ covariance @ weight).clamp(min=1e-12)
        correlation = float(torch.corrcoef(torch.stack([apart @ weight, opening]))[0, 1])
        return Readout(centre, weight, direction, covariance.diagonal().clamp(min=1e-4), correlation)

    def _embed(self, source: Source, frames: np.ndarray) -> Tensor:
        """Give the teacher's embeddings of some of the frames, (n, D) float64."""
        frames, embedded = frames[_some(len(frames))], []
        with torch.no_grad():
            for first in range(0, len(frames), _TOGETHER):
                mels = source.table.fetch_windows(frames[first : first + _TOGETHER], source.device)
                embedded.append(self.teacher(mels.transpose(1, 2)[:, None]).double())
        return torch.cat(embedded)


def _some(count: int) -> np.ndarray:
    """Return places of READOUT_FRAMES of so many frames, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, READOUT_FRAMES)).round().astype(int))
