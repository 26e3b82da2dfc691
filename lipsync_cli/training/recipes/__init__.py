"""What is minimised: one small file a recipe. A recipe knows its networks and losses, the loop knows everything else.

See `recipe.Recipe` for what a recipe is; those of generators begin with `GeneratorRecipe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import UsageError
from lipsync_cli.training.recipes.l1 import L1
from lipsync_cli.training.recipes.lipgan import LipGAN
from lipsync_cli.training.recipes.lipgan_expert import LipGANExpert
from lipsync_cli.training.recipes.sync_expert import SyncExpertRecipe

if TYPE_CHECKING:
    from lipsync_cli.models.expert import SyncExpert
    from lipsync_cli.training.config import TrainConfig

RECIPES: dict[str, Any] = {recipe.name: recipe for recipe in (LipGAN, L1, SyncExpertRecipe, LipGANExpert)}


def find_recipe(name: str) -> Any:
    """Return the recipe's class; raise UsageError if there is none of this name."""
    if name not in RECIPES:
        raise UsageError(f"no recipe is called {name!r}", hint="use one of " + ", ".join(RECIPES))
    return RECIPES[name]


def make_recipe(
    config: TrainConfig, mouth_region: tuple[int, int, int, int], size: int, expert: SyncExpert | None = None
) -> Any:
    """Build the recipe that a configuration names."""
    found = find_recipe(config.recipe)
    return found(config, mouth_region, size, *([expert] if found.needs_expert else []))
