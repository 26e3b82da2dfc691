"""What is minimised: one small file a recipe. A recipe knows its networks and losses, the loop knows everything else.

See `recipe.Recipe` for what a recipe is; those of generators begin with `GeneratorRecipe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.training.recipes.c_wgan import CWGAN
from lipsync_cli.training.recipes.l1 import L1
from lipsync_cli.training.recipes.l1wgan_gp import L1WGANGP
from lipsync_cli.training.recipes.l1wgan_gp_adv import L1WGANGPAdv
from lipsync_cli.training.recipes.lip_reader import LipReaderRecipe
from lipsync_cli.training.recipes.lipgan import LipGAN
from lipsync_cli.training.recipes.lipgan_expert import LipGANExpert
from lipsync_cli.training.recipes.listen import Listen
from lipsync_cli.training.recipes.lsgan import LSGAN
from lipsync_cli.training.recipes.occlusion import Occlusion
from lipsync_cli.training.recipes.sync_expert import SyncExpertRecipe
from lipsync_cli.training.recipes.wgan_div import WGANDiv
from lipsync_cli.training.recipes.wgan_gp import WGANGP
from lipsync_cli.training.recipes.wgan_ls import WGANLS

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.data.transcript import Transcripts
    from lipsync_cli.models.expert import SyncExpert
    from lipsync_cli.training.config import TrainConfig

_ALL = (
    LipGAN,
    L1,
    WGANGP,
    L1WGANGP,
    L1WGANGPAdv,
    LSGAN,
    WGANLS,
    WGANDiv,
    CWGAN,
    SyncExpertRecipe,
    LipGANExpert,
    LipReaderRecipe,
    Listen,
    Occlusion,
)
RECIPES: dict[str, Any] = {recipe.name: recipe for recipe in _ALL}


def find_recipe(name: str) -> Any:
    """Return the recipe's class; raise UsageError if there is none of this name."""
    if name not in RECIPES:
        raise UsageError(f"no recipe is called {name!r}", hint="use one of " + ", ".join(RECIPES))
    return RECIPES[name]


def make_recipe(
    config: TrainConfig,
    mouth_region: tuple[int, int, int, int],
    size: int,
    expert: SyncExpert | None = None,
    transcripts: Transcripts | None = None,
    start: nn.Module | None = None,
) -> Any:
    """Build the recipe that a configuration names; raise InputError if its critic does not fit the crops' size."""
    found = find_recipe(config.recipe)
    asked = (found.needs_expert, expert), (found.needs_transcripts, transcripts), (found.needs_start, start)
    needed = [given for is_needed, given in asked if is_needed]
    try:
        return found(config, mouth_region, size, *needed)
    except ValueError as error:
        raise InputError(f"the critic of the recipe {config.recipe} does not fit this pack: {error}") from error
