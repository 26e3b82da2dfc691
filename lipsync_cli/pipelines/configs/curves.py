"""The options of `lipsync curves`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shared_options import force_option

DEFAULT = Path("curves.png")


@dataclass(frozen=True)
class CurvesConfig:
    """Which runs are drawn, and where."""

    runs: tuple[Path, ...] = argument("Run folders of train, or their log.jsonl files.", metavar="RUN")
    output: Path | None = option(
        "PNG file to write.",
        None,
        panel="input and output",
        names=("-o", "--output"),
        shown=DEFAULT.name,
        writes=True,
    )
    name: tuple[str, ...] = option(
        "What a run is called in the picture; given once for each, in their order.",
        (),
        panel="input and output",
        shown="the folder's name",
        metavar="NAME",
        example="LipGAN",
    )
    force: bool = force_option()
