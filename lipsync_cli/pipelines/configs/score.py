"""The options of `lipsync score`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.cluster import cluster_option
from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shard import shard_option
from lipsync_cli.config.shared_options import device_option, force_option, jobs_option, seed_option, vtln_option

STDOUT = Path("-")
FILES = "input and output"


@dataclass(frozen=True)
class ScoreConfig:
    """What is measured, against what, and where the figures go.

    Examples
    --------
    make(ScoreConfig, sources=["out.mp4"], reference="real.mp4", metrics="sync,crop_psnr")
    """

    sources: tuple[Path, ...] = argument(
        "What pack wrote, or a video, or a folder of videos; or .jsonl files of earlier scores.", metavar="SOURCE"
    )
    weights: Path | None = option(
        "Run folder, .safetensors file, or grid, see infer.", None, panel=FILES, shown="embedded weights"
    )
    reference: Path | None = option(
        "The real video that SOURCE should look like, or the folder of them.", None, panel=FILES
    )
    output: Path | None = option(
        "Folder for scores.jsonl, table.txt, boxes.png and samples.png; or one .jsonl file; or - for JSON Lines on "
        "stdout.",
        None,
        panel=FILES,
        names=("-o", "--output"),
        writes=True,
    )
    report: Path | None = option(
        "Write an HTML file to look at: tables, plots, curves, pictures, videos. Of several .jsonl files: a column "
        "each.",
        None,
        panel=FILES,
        writes=True,
    )
    details: bool = option(
        "Print each metric's median, extremes and confidence interval, and each speaker's means, too.",
        False,
        panel=FILES,
    )
    table: str | None = option(
        "Print the thesis's tables 7.1 to 7.3 (SSIM, PSNR, Frechet distance), of several .jsonl files side by side.",
        None,
        panel=FILES,
        choices=("text", "csv", "latex"),
    )
    boxes: Path | None = option(
        "Draw the thesis's box plots over frames (7.14, 7.15) as PNG, of several .jsonl files side by side.",
        None,
        panel=FILES,
        writes=True,
    )
    compare: bool = option("Say which differences between .jsonl files exceed the noise.", False, panel=FILES)
    name: tuple[str, ...] = option(
        "What a model is called in tables and reports of several .jsonl files; given once for each, in their order.",
        (),
        panel=FILES,
        shown="the file's name",
        metavar="NAME",
        example="LipGAN",
    )
    rate: bool = option(
        "Make an HTML page on which people rate the videos of SOURCE, which has a folder of them for each condition: "
        "shuffled, without names, keys 1 to 5. -o names the page; a .key.csv beside it says which video is which.",
        False,
        panel=FILES,
    )
    ratings: bool = option(
        "Print mean opinion scores, with intervals and the raters' agreement, of the .csv files that this page writes "
        "and its .key.csv.",
        False,
        panel=FILES,
    )
    split: str = option("Clips of the pack to score.", "test", panel=FILES, choices=("test", "val", "train"))
    force: bool = force_option()
    metrics: str = option(
        "Metrics or groups, with commas: reconstruction, distribution, sharpness, identity, words, sync, behaviour, "
        "standard, all.",
        "standard",
        panel="quality",
    )
    align: bool = option("Compare what both videos have, if sizes, rates or lengths differ.", False, panel="quality")
    max_frames: int | None = option(
        "Spread so many frames of a pack evenly over the clips, for metrics of single frames.",
        None,
        panel="quality",
        least=1,
        shown="every frame with a face",
    )
    inception: Path | None = option("Published Inception-v3 weights, for FID.", None, panel="quality")
    expert: Path | None = option(
        "Sync expert: run folder, .safetensors file, or grid for the one trained on GRID alone.",
        None,
        panel="voice",
        shown="the one that comes with it",
    )
    syncnet: Path | None = option("SyncNet's published weights, for LSE-D and LSE-C.", None, panel="voice")
    critic: Path | None = option(
        "Run folder: measure how often its discriminator tells right pairs of face and speech from mismatched ones, "
        "instead of scoring faces.",
        None,
        panel="voice",
    )
    lip_reader: Path | None = option(
        "Lip reader: run folder or .safetensors file.", None, panel="voice", shown="the one that comes with it"
    )
    transcripts: Path | None = option(
        "What is said when, to measure whether it can be read from the lips: a .align file of GRID, or of a folder or "
        "pack the folder of SPEAKER/CLIP.align.",
        None,
        panel="voice",
    )
    vtln: str = vtln_option()
    batch_size: int = option("Frames generated at once.", 32, panel="performance", least=1)
    device: str = device_option()
    jobs: int | None = jobs_option()
    shard: str | None = shard_option("clips")
    cluster: str | None = cluster_option()
    seed: int = seed_option(0)
