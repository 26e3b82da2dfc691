"""What the loop asks of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lipsync_cli.models import architectures_of
from lipsync_cli.training.evaluators.evaluator import GeneratorEvaluator

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.datasets.batch import Batch, Mixed
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.engine.batch_source import Source
    from lipsync_cli.training.engine.checkpoint import TrainState
    from lipsync_cli.training.evaluators.evaluator import Evaluator
    from lipsync_cli.training.recipes.context import RecipeContext


@dataclass(frozen=True)
class Discriminator:
    """A network that is trained against the generator.

    Attributes
    ----------
    network : what scores
    n_critic : its updates per update of the generator, at least 1
    rate : its learning rate, in those of the generator
    """

    network: nn.Module
    n_critic: int = 1
    rate: float = 1.0


class Recipe(Protocol):
    """What is minimised, on which batches, and how the result is evaluated.

    A recipe is made from a `RecipeContext`. The trained network is built by the loop (`config.generator` names its
    architecture) and handed to each method; discriminators that are trained beside it belong to the recipe.

    Attributes
    ----------
    name : as `--recipe` knows it, in lower case
    defaults : values of `TrainConfig` that the recipe changes
    literal_defaults : those that it changes besides where the losses are the thesis's; None: the thesis has none of it
    architectures : of the networks that it can train
    needs : names of the parts of the context that it cannot do without, see `context.INPUTS`
    learns_pictures : it trains a generator on pictures, so that the speech encoder may stay as it is
    sees_crops : it looks at faces, so that they are held decoded where they fit
    compares_pairs : it trains a discriminator of face and speech, "critic", which can tell whether they belong together
    n_critic : updates of a discriminator per update of the network, if it says nothing else of its own
    discriminators : trained beside the network, by name; the names of their loss terms begin with it and "/"
    frozen : networks that evaluate but do not learn, by name; the loop moves them to its device
    pair_limit : pairs at a smaller `pair_distance` count as right; None: no number in the loss says where that ends
    facts : what the weights say of the data beside its counts, JSON-able, by name
    chance_levels : what a loss term is if its network knows nothing, by the term's name, where that is known
    """

    name: ClassVar[str]
    defaults: ClassVar[dict[str, Any]]
    literal_defaults: ClassVar[dict[str, Any] | None]
    architectures: ClassVar[tuple[str, ...]]
    needs: ClassVar[frozenset[str]]
    learns_pictures: ClassVar[bool]
    sees_crops: ClassVar[bool]
    compares_pairs: ClassVar[bool]
    n_critic: ClassVar[int]
    discriminators: Mapping[str, Discriminator]
    frozen: Mapping[str, nn.Module]
    chance_levels: dict[str, float]
    facts: dict[str, Any]
    pair_limit: float | None

    def __init__(self, context: RecipeContext) -> None: ...

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the recipe cannot do what a configuration asks for."""

    @classmethod
    def dims(cls, context: RecipeContext) -> dict[str, Any]:
        """Give what the network is built from beside the crops' size; raise InputError if it cannot be."""

    def begin(self, network: nn.Module) -> None:
        """Set what the network has from elsewhere and does not learn, before its optimiser is made."""

    def advance(self, state: TrainState, done: int, total: int) -> float:
        """Be told before each step how far the run is, in samples; return the factor of the learning rates.

        What is changed here of the networks must depend on these numbers alone, so that a resumed run does it, too.
        """

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """Look through the training clips before the first step, and tell the user what is done."""

    def batch(self, source: Source, step: int) -> Any:
        """Give the samples of one step; equal steps give equal samples. Called ahead, from other threads."""

    def forward(self, network: nn.Module, batch: Any) -> Any:
        """Run the trained network on a batch."""

    def discriminator_losses(self, name: str, batch: Any, output: Any, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the named loss terms of a discriminator's updates one by one, each computed after the update before it.

        Parameters
        ----------
        name : of the discriminator
        output : what `forward` gave, without gradients
        fake_step : a fair coin, decided by seed and step, the same for all discriminators
        """

    def observe(self, name: str, batch: Any, output: Any) -> dict[str, Tensor]:
        """Give figures of a discriminator that are logged beside its losses, and not minimised; without gradients."""

    def pictures(self, batch: Any, output: Any) -> tuple[Tensor, Tensor] | None:
        """Give the generated and the real faces of a batch, both (B, 3, S, S) in [0, 1]; None: none are generated."""

    def pair_distance(self, face: Tensor, mel: Tensor) -> Tensor:
        """Say how far face and speech are apart to the discriminator that compares them: shape (B,), less is nearer."""

    def network_loss(self, batch: Any, output: Any) -> dict[str, Tensor]:
        """Give the named terms of the network's loss; their sum is minimised."""

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Make what measures and shows the network, on clips held out or, where there are none, on its own."""


class BaseRecipe:
    """What recipes are unless they say otherwise: one network that learns from clips alone, no discriminator."""

    defaults: ClassVar[dict[str, Any]] = {}
    literal_defaults: ClassVar[dict[str, Any] | None] = None
    needs: ClassVar[frozenset[str]] = frozenset()
    learns_pictures: ClassVar[bool] = False
    sees_crops: ClassVar[bool] = True
    compares_pairs: ClassVar[bool] = False
    pair_limit: float | None = None
    n_critic: ClassVar[int] = 1
    discriminators: Mapping[str, Discriminator] = MappingProxyType({})

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Accept every configuration."""

    @property
    def chance_levels(self) -> dict[str, float]:
        """Losses of a discriminator that knows nothing: none are known."""
        return {}

    @property
    def facts(self) -> dict[str, Any]:
        """What the weights say of the data beside its counts: nothing."""
        return {}

    @property
    def frozen(self) -> Mapping[str, nn.Module]:
        """Networks that evaluate but do not learn: none."""
        return {}

    @classmethod
    def dims(cls, context: RecipeContext) -> dict[str, Any]:
        """Build the network from the crops' size alone."""
        return {}

    def begin(self, network: nn.Module) -> None:
        """Leave the network as it is."""

    def advance(self, state: TrainState, done: int, total: int) -> float:
        """Change nothing on the way."""
        return 1.0

    def prepare(self, source: Source, note: Callable[[str], None]) -> None:
        """There is nothing to know before the first step."""

    def discriminator_losses(self, name: str, batch: Any, output: Any, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the losses of a discriminator's updates: there is no discriminator."""
        return iter(())

    def observe(self, name: str, batch: Any, output: Any) -> dict[str, Tensor]:
        """Give figures of a discriminator beside its losses: none."""
        return {}

    def pictures(self, batch: Any, output: Any) -> tuple[Tensor, Tensor] | None:
        """Give the generated and the real faces of a batch: none are generated."""
        return None

    def pair_distance(self, face: Tensor, mel: Tensor) -> Tensor:
        """There is no discriminator that compares pairs."""
        raise NotImplementedError


class GeneratorRecipe(BaseRecipe):
    """What the recipes that train a generator share; each of them is one class on top of this one."""

    architectures: ClassVar[tuple[str, ...]] = architectures_of("generator")
    learns_pictures: ClassVar[bool] = True

    def batch(self, source: Source, step: int) -> Batch | Mixed:
        """Give references, targets, and right and wrong speech."""
        return source.batch(step)

    def forward(self, network: nn.Module, batch: Batch) -> GeneratorResult:
        """Let the generator draw the targets."""
        return network(batch.reference, batch.target, batch.speech)

    def pictures(self, batch: Batch, output: GeneratorResult) -> tuple[Tensor, Tensor] | None:
        """Give what the generator drew and its targets."""
        return (output.image, batch.target) if self.learns_pictures else None

    def evaluator(self, source: Source, held_out: Source | None) -> Evaluator:
        """Evaluate by PSNR and SSIM beside the baselines."""
        return GeneratorEvaluator(source, held_out)
