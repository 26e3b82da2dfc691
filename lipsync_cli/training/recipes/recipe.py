"""What the loop asks of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lipsync_cli.models import architectures_of
from lipsync_cli.training.judge import GeneratorJudge

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.data.batches import Batch, Mixed
    from lipsync_cli.models.generated import Generated
    from lipsync_cli.training.config import TrainConfig
    from lipsync_cli.training.judge import Judge
    from lipsync_cli.training.source import Source


class Recipe(Protocol):
    """What is minimised, on which batches, and how the result is judged.

    The trained network is built by the loop (`config.generator` names its architecture) and handed to each method; a
    critic that is trained beside it belongs to the recipe.

    Attributes
    ----------
    name : as `--recipe` knows it
    defaults : values of `TrainConfig` that the recipe changes
    architectures : of the networks that it can train
    needs_expert : it is made with a sync expert as its last argument
    needs_transcripts : it is made with the clips' transcripts as its last argument
    needs_start : it is made with the network of `--init` as its last argument
    network_every : the network is updated in every so-manieth step, the critic in each
    critic : trained beside the network, or None
    frozen : networks that judge but do not learn, by name; the loop moves them to its device
    chance : what a loss term is if its network knows nothing, by the term's name; for those of which that is known
    """

    name: ClassVar[str]
    defaults: ClassVar[dict[str, Any]]
    architectures: ClassVar[tuple[str, ...]]
    needs_expert: ClassVar[bool]
    needs_transcripts: ClassVar[bool]
    needs_start: ClassVar[bool]
    network_every: int
    critic: nn.Module | None
    frozen: dict[str, nn.Module]
    chance: dict[str, float]

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Raise UsageError if the recipe cannot do what a configuration asks for."""

    def study(self, source: Source, note: Callable[[str], None]) -> None:
        """Look through the training clips before the first step, and tell the user what is done."""

    def batch(self, source: Source, step: int) -> Any:
        """Give the samples of one step; equal steps give equal samples. Called ahead, from other threads."""

    def forward(self, network: nn.Module, batch: Any) -> Any:
        """Run the trained network on a batch."""

    def critic_losses(self, batch: Any, made: Any, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the named loss terms of the critic's updates one by one; each is computed after the update before it.

        Parameters
        ----------
        made : what `forward` gave, without gradients
        fake_step : a fair coin, decided by seed and step
        """

    def network_loss(self, batch: Any, made: Any) -> dict[str, Tensor]:
        """Give the named terms of the network's loss; their sum is minimised."""

    def judge(self, source: Source, held_out: Source | None) -> Judge:
        """Make what measures and shows the network, on clips held out or, where there are none, on its own."""


class BaseRecipe:
    """What recipes are unless they say otherwise: one network that learns from clips alone, and no critic."""

    defaults: ClassVar[dict[str, Any]] = {}
    needs_expert: ClassVar[bool] = False
    needs_transcripts: ClassVar[bool] = False
    needs_start: ClassVar[bool] = False
    network_every = 1
    critic: nn.Module | None = None

    @classmethod
    def check(cls, config: TrainConfig) -> None:
        """Accept every configuration."""

    @property
    def chance(self) -> dict[str, float]:
        """Losses of a critic that knows nothing: none are known."""
        return {}

    @property
    def frozen(self) -> dict[str, nn.Module]:
        """Networks that judge but do not learn: none."""
        return {}

    def study(self, source: Source, note: Callable[[str], None]) -> None:
        """There is nothing to know before the first step."""

    def critic_losses(self, batch: Any, made: Any, fake_step: bool) -> Iterator[dict[str, Tensor]]:
        """Give the losses of the critic's updates: there is no critic."""
        return iter(())


class GeneratorRecipe(BaseRecipe):
    """What the recipes that train a generator share; each of them is one class on top of this one."""

    architectures: ClassVar[tuple[str, ...]] = architectures_of("generator")

    def batch(self, source: Source, step: int) -> Batch | Mixed:
        """Give references, targets, and right and wrong speech."""
        return source.batch(step)

    def forward(self, network: nn.Module, batch: Batch) -> Generated:
        """Let the generator draw the targets."""
        return network(batch.reference, batch.target, batch.mel)

    def judge(self, source: Source, held_out: Source | None) -> Judge:
        """Judge by PSNR and SSIM beside the control rows."""
        return GeneratorJudge(source, held_out)
