"""The options of `lipsync mels`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.cluster import cluster_option
from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shard import shard_option
from lipsync_cli.config.shared_options import audio_track_option, force_option, jobs_option
from lipsync_cli.models.mel_shape import LEAST, MOST
from lipsync_cli.speech.mel import N_MELS


@dataclass(frozen=True)
class MelsConfig:
    """Which sounds become spectrograms, and what else is made of them."""

    source: Path = argument("Folder of clips or sound files, folder made by extract-frames, or one file.")
    output: Path = argument("HDF5 file to write.")
    features: str = option(
        "What to make: mel; with ,encoder speech features, too; with ,sound the sound itself (16 kHz).",
        "mel",
        panel="voice",
    )
    bands: int = option(
        "Mel bands: 80 as LipGAN, or for an experiment another number; the thesis asks about 40.",
        N_MELS,
        panel="voice",
        least=LEAST[0],
        most=MOST[0],
    )
    variants: int = option(
        "Altered copies of each sound (other voices, noise, music, telephone) that get speech features, too, for "
        "training.",
        0,
        panel="voice",
        least=0,
        most=64,
    )
    audio_track: int | None = audio_track_option("clip")
    jobs: int | None = jobs_option()
    shard: str | None = shard_option("clips")
    cluster: str | None = cluster_option()
    force: bool = force_option()
    seed: int = option("Seed of the altered copies.", 10, panel="advanced", least=0)
