"""Which weights are scored on a pack, and what they draw: lower faces, or talking heads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipsync_cli.formats.pack_file import Pack

GENERATOR, TALKING_HEAD = "generator", "talking head"


def weights_for(pack: Pack, asked: Path | None) -> Path | None:
    """Return the weights that are asked for; without features in the pack, else those of the package that hear mels."""
    return Path("grid") if asked is None and pack.features is None else asked


def kind_of(weights: Path | None) -> str:
    """Say whether weights are a talking head's, or a generator's, or shall be.

    Raises
    ------
    InputError : there is no such file, or it holds no weights
    """
    from lipsync_cli import models
    from lipsync_cli.formats.weights import find_weights, read_header

    architecture = read_header(find_weights(weights)).architecture
    return TALKING_HEAD if architecture in models.architectures_of(TALKING_HEAD) else GENERATOR
