"""The options of `lipsync pack`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shared_options import force_option
from lipsync_cli.errors import UsageError

SPLIT = "split"


@dataclass(frozen=True)
class PackConfig:
    """What is joined, and which clips are for the test."""

    files: tuple[Path, ...] = argument(
        "What detect-faces and mels wrote, each in one file or in several; without -o the last is the file to write.",
        metavar="FILE",
    )
    output: Path | None = option(
        "HDF5 file to write.",
        None,
        panel="input and output",
        names=("-o", "--output"),
        shown="the last FILE",
        writes=True,
    )
    test_per_speaker: int = option(
        "Clips of each speaker for the test: the last by name. None from a speaker with no more.",
        20,
        panel=SPLIT,
        least=0,
    )
    validation_per_speaker: int = option(
        "Clips of each speaker for validation: those before the test's, by the same rule.", 0, panel=SPLIT, least=0
    )
    train_per_speaker: int | None = option(
        "Clips of each speaker for training, spread evenly.", None, panel=SPLIT, least=1, shown="all that are left"
    )
    test_speaker: tuple[str, ...] = option(
        "Speaker whose every clip is for the test; may be given again.",
        (),
        panel=SPLIT,
        names=("--test-speaker", "--hold-out"),
        metavar="SPEAKER",
        example="s2",
    )
    validation_speaker: tuple[str, ...] = option(
        "Speaker whose every clip is for validation; may be given again.",
        (),
        panel=SPLIT,
        metavar="SPEAKER",
        example="s1",
    )
    split_above: int = option("Speakers with at most so many clips keep all for training.", 0, panel=SPLIT, least=0)
    mouths: bool = option(
        "Measure the mouth in every crop, for the recipe speech-embedding (needs [models]).", False, panel="face"
    )
    landmarks: bool = option(
        "Find eyes and nose in every crop, for the recipe temporal-gan (needs [models]).", False, panel="face"
    )
    force: bool = force_option()

    def inputs_and_output(self) -> tuple[list[Path], Path]:
        """Return the files to join, and the one to write.

        Raises
        ------
        UsageError : there are too few
        """
        files = list(self.files)
        output = self.output or files.pop()
        if len(files) < 2:
            hint = "name what detect-faces wrote, what mels wrote, and the file to write"
            raise UsageError(f"pack joins two files or more, {len(files)} is named", hint=hint)
        return files, output
