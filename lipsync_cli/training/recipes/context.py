"""What a recipe is built from, and which of it a user gives by an option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipsync_cli.models.mel_shape import MEL_SHAPE, MelShape

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from lipsync_cli.models.sync_expert import SyncExpert
    from lipsync_cli.speech.transcript import Transcripts
    from lipsync_cli.training.config import TrainConfig


@dataclass(frozen=True)
class RecipeContext:
    """Everything that a recipe may be built from.

    Attributes
    ----------
    config : of the run
    mouth_region : first row, last row + 1, first column, last column + 1 of the mouth in the crop
    size : side S of the square crop, pixels
    start : the network of `--init`, if one was given
    expert : the sync expert, for recipes that need it
    transcripts : of the clips, for recipes that need them
    teacher : the generator that is learned from, for recipes that need it
    teacher_path : its file, for messages
    start_speakers : whom the weights of `--init` were trained on
    start_path : their file, for messages
    speakers : of the clips to learn from, by name
    mel_shape : bands and frames of the windows of mels
    """

    config: TrainConfig
    mouth_region: tuple[int, int, int, int]
    size: int
    start: nn.Module | None = None
    expert: SyncExpert | None = None
    transcripts: Transcripts | None = None
    start_speakers: frozenset[str] = frozenset()
    start_path: Path | None = None
    teacher: nn.Module | None = None
    teacher_path: Path | None = None
    speakers: tuple[str, ...] = ()
    mel_shape: MelShape = MEL_SHAPE


@dataclass(frozen=True)
class RecipeInput:
    """A part of the context that a user gives by an option.

    Attributes
    ----------
    option : of `lipsync train`, with the name of its value
    noun : what it is, in the plural or without an article
    has_default : a recipe that needs it gets the one of the package if none is given
    is_always_taken : recipes that do not need it take it, too
    """

    option: str
    noun: str
    has_default: bool = False
    is_always_taken: bool = False


INPUTS: dict[str, RecipeInput] = {  # by the name in `RecipeContext`, which is the name in a recipe's `needs`
    "start": RecipeInput("--init WEIGHTS", "trained weights", is_always_taken=True),
    "expert": RecipeInput("--expert WEIGHTS", "expert", has_default=True),
    "transcripts": RecipeInput("--transcripts FOLDER", "transcripts"),
    "teacher": RecipeInput("--teacher WEIGHTS", "teacher", has_default=True),
}
