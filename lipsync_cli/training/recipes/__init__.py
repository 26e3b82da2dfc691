"""What is minimised: a recipe knows its networks and losses, the loop knows everything else.

See `recipe.Recipe` for what a recipe is; those of generators begin with `GeneratorRecipe`.
"""

from __future__ import annotations

import difflib
from typing import Any

from lipsync_cli.errors import UsageError
from lipsync_cli.training.recipes.auxiliary.face_swap import FaceSwap
from lipsync_cli.training.recipes.auxiliary.lip_reader import LipReaderRecipe
from lipsync_cli.training.recipes.auxiliary.occlusion import Occlusion
from lipsync_cli.training.recipes.auxiliary.sync_expert import SyncExpertRecipe
from lipsync_cli.training.recipes.auxiliary.text import TextRecipe
from lipsync_cli.training.recipes.context import RecipeContext
from lipsync_cli.training.recipes.generators.distillation import Distillation
from lipsync_cli.training.recipes.generators.l1 import L1
from lipsync_cli.training.recipes.generators.lipgan import LipGAN
from lipsync_cli.training.recipes.generators.lipgan_expert import LipGANExpert
from lipsync_cli.training.recipes.generators.lsgan import LSGAN
from lipsync_cli.training.recipes.generators.own_frame import OwnFrame
from lipsync_cli.training.recipes.generators.speech_embedding import SpeechEmbedding
from lipsync_cli.training.recipes.generators.speech_encoder_tuning import Listen
from lipsync_cli.training.recipes.generators.temporal_gan import TemporalGAN
from lipsync_cli.training.recipes.generators.wasserstein import WASSERSTEIN_RECIPES

_ALL: tuple[Any, ...] = (
    LipGAN,
    L1,
    *WASSERSTEIN_RECIPES,
    LSGAN,
    SyncExpertRecipe,
    LipGANExpert,
    LipReaderRecipe,
    Listen,
    SpeechEmbedding,
    Occlusion,
    OwnFrame,
    Distillation,
    TextRecipe,
    TemporalGAN,
    FaceSwap,
)
RECIPES: dict[str, Any] = {recipe.name: recipe for recipe in _ALL}


def find_recipe(name: str) -> Any:
    """Return the recipe's class by its name, in upper or lower case; raise UsageError if there is none."""
    found = name.lower()
    if found not in RECIPES:
        close = difflib.get_close_matches(found, RECIPES, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise UsageError(f"no recipe is called {name!r}", hint=f"{guess}use one of {', '.join(RECIPES)}")
    return RECIPES[found]


def make_recipe(context: RecipeContext) -> Any:
    """Build the recipe that the context's configuration names.

    Raises
    ------
    InputError : the weights to start from do not fit the recipe
    ValueError : a discriminator of the recipe does not fit the crops' size
    """
    return find_recipe(context.config.recipe)(context)
