"""The options of `lipsync extract-frames`: one field each, from which the command line, files and docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.cluster import cluster_option
from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shard import shard_option
from lipsync_cli.config.shared_options import force_option, jobs_option


@dataclass(frozen=True)
class ExtractFramesConfig:
    """Which clips become images, and of which kind."""

    source: Path = argument("Folder of clips, or one clip.")
    output: Path = argument("Folder to write, one folder a clip in it.")
    image_format: str = option(
        "Of the images: jpg, or png without loss.",
        "jpg",
        panel="quality",
        names=("--format",),
        key="format",
        choices=("jpg", "png"),
    )
    quality: int = option("Of JPEG images.", 95, panel="quality", least=1, most=100)
    jobs: int | None = jobs_option()
    shard: str | None = shard_option("clips")
    cluster: str | None = cluster_option()
    force: bool = force_option()
