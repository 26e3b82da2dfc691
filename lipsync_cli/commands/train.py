"""`lipsync train`: a pack in, a run folder with weights out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import Device, DryRun, Jobs, Json, Quiet, Verbose, resolve_device, resolve_jobs
from lipsync_cli.commands.progress import Progress
from lipsync_cli.commands.result import print_result

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}  # what torchrun sets, and what is meant without it


def train(
    pack: Annotated[Path, typer.Argument(help="A pack made by lipsync pack.")],
    run: Annotated[Path, typer.Argument(help="The run folder; one that was interrupted is gone on with.")],
    recipe: Annotated[
        str,
        typer.Option(
            help="What is minimised: lipgan, l1 (reconstruction only), wgan-gp, l1wgan-gp, l1wgan-gp-adv, lsgan, "
            "wgan-ls, wgan-div, c-wgan, sync-expert, lipgan-expert, lip-reader, listen, speech-embedding, occlusion; "
            "see docs/reference/recipes.md."
        ),
    ] = "lipgan",
    generator: Annotated[
        str | None,
        typer.Option(help="lipgan (37 M parameters) or compact (2.2 M).", show_default="lipgan; judges: their own"),
    ] = None,
    speech: Annotated[
        str | None,
        typer.Option(
            help="What a compact generator hears: mel, or encoder for speech features.",
            show_default="mel, or as in --init; speech-embedding: encoder",
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Start from these weights: a run folder or a .safetensors file.", show_default="fresh ones"),
    ] = None,
    expert: Annotated[
        Path | None,
        typer.Option(
            help="Recipe lipgan-expert: a run of sync-expert, or its weights.", show_default="that of the package"
        ),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option(help="Recipe lip-reader: folder of SPEAKER/CLIP.align, as GRID has them.", show_default=False),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Samples a step.", show_default="128")] = None,
    epochs: Annotated[
        float | None, typer.Option(min=0, help="Passes over the training frames.", show_default="20")
    ] = None,
    max_samples: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many samples instead.", show_default=False)
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop after this much training time, if sooner.", show_default=False)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=0, help="Stop after so many validations without a better one.", show_default="0: never"),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Of Adam.", show_default="0.001; WGANs and lsgan: 0.0001")
    ] = None,
    beta1: Annotated[float | None, typer.Option(min=0, max=1, help="Of Adam.", show_default="0.5; judges: 0.9")] = None,
    beta2: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of Adam.", show_default="0.999; WGANs: 0.9")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="Of AdamW.", show_default="0: Adam")] = None,
    schedule: Annotated[str | None, typer.Option(help="constant or cosine.", show_default="constant")] = None,
    clip_norm: Annotated[
        float | None, typer.Option(min=0, help="Largest gradient norm.", show_default="0: no limit; judges: 1")
    ] = None,
    critic_width: Annotated[
        int | None,
        typer.Option(min=1, help="Channels of the first layer of LipGAN's critic; 8 costs 1/16.", show_default="32"),
    ] = None,
    mouth_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of the mouth in the L1.", show_default="1; l1, lipgan-expert: 6")
    ] = None,
    warp_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="compact: weight of the warped reference's own L1.",
            show_default="0; l1, lipgan-expert: 0.3",
        ),
    ] = None,
    ssim_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of 1 - SSIM of the lower half.", show_default="0; lipgan-expert: 0.1"),
    ] = None,
    motion_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of how much the mouth moves, beside the real one.", show_default="0"),
    ] = None,
    sync_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Recipe lipgan-expert: weight of the expert's term.", show_default="0.03"),
    ] = None,
    sync_runs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Recipe lipgan-expert: so many runs of --targets-per-reference frames a step, for the expert; the "
            "other samples are single frames of other clips.",
            show_default="0: all are runs",
        ),
    ] = None,
    adversarial_weight: Annotated[
        float | None,
        typer.Option(
            min=0, help="Weight of the critic's term.", show_default="0.01; others: docs/reference/recipes.md"
        ),
    ] = None,
    penalty_weight: Annotated[
        float | None,
        typer.Option(min=0, help="WGANs: weight of the critic's penalty.", show_default="10; wgan-div: 2"),
    ] = None,
    margin: Annotated[float | None, typer.Option(min=0, help="Of the contrastive loss.", show_default="2")] = None,
    ema_samples: Annotated[
        int | None, typer.Option(min=0, help="Half-life of the averaged weights.", show_default="0: no average")
    ] = None,
    freeze_speech: Annotated[
        bool,
        typer.Option(
            "--freeze-speech", help="Leave the speech encoder of --init as it is: it goes on hearing as before."
        ),
    ] = False,
    augment: Annotated[bool, typer.Option(help="Transform faces and voices at random.")] = False,
    transforms: Annotated[
        str | None,
        typer.Option(
            help="Which: names, all, face, voice, standard; -NAME leaves one out. See docs/reference/recipes.md.",
            show_default="standard",
        ),
    ] = None,
    augment_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the samples transformed.", show_default="1")
    ] = None,
    targets_per_reference: Annotated[
        int | None,
        typer.Option(min=1, help="Samples of one clip.", show_default="1; lipgan-expert: 8; sync-expert: 16"),
    ] = None,
    quiet_reference: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of references from quiet moments.", show_default="0")
    ] = None,
    speaker_temperature: Annotated[
        float | None, typer.Option(min=1, help="Above 1: speakers with few frames are drawn more.", show_default="1")
    ] = None,
    validate_every: Annotated[int | None, typer.Option(min=1, help="Samples.", show_default="76800")] = None,
    checkpoint_every: Annotated[int | None, typer.Option(min=1, help="Samples.", show_default="12800")] = None,
    sheet_every: Annotated[
        int | None, typer.Option(min=1, help="Samples.", show_default="an epoch, but 12800 to 76800")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.", show_default="float32")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="10")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write the log for TensorBoard, too.")] = False,
    device: Device = "auto",
    jobs: Jobs = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a generator, or a network beside it; by default LipGAN as in its thesis.

    The run folder gets checkpoints (last, best), a log as JSON lines, sample sheets, and a model card. The same command
    goes on with a run that was interrupted, exactly where it stood.

    \b
    Example:
      lipsync train grid.h5 runs/lipgan
      lipsync train grid.h5 runs/compact --generator compact --recipe l1 --augment --batch-size 32 --epochs 5
      lipsync train grid.h5 runs/expert --recipe sync-expert --augment
      lipsync train grid.h5 runs/two-critics --recipe lipgan-expert --expert runs/expert --generator compact
      lipsync train grid.h5 runs/reader --recipe lip-reader --transcripts align/ --augment
    """
    from lipsync_cli.training.recipe_config import make_config

    asked = {
        "generator": generator,
        "batch_size": batch_size,
        "epochs": epochs,
        "max_samples": max_samples,
        "max_minutes": max_minutes,
        "patience": patience,
        "learning_rate": learning_rate,
        "beta1": beta1,
        "beta2": beta2,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "clip_norm": clip_norm,
        "critic_width": critic_width,
        "mouth_weight": mouth_weight,
        "warp_weight": warp_weight,
        "speech": speech,
        "ssim_weight": ssim_weight,
        "motion_weight": motion_weight,
        "sync_weight": sync_weight,
        "sync_runs": sync_runs,
        "adversarial_weight": adversarial_weight,
        "penalty_weight": penalty_weight,
        "margin": margin,
        "ema_samples": ema_samples,
        "transforms": transforms,
        "augment_share": augment_share,
        "targets_per_reference": targets_per_reference,
        "quiet_reference": quiet_reference,
        "speaker_temperature": speaker_temperature,
        "validate_every": validate_every,
        "checkpoint_every": checkpoint_every,
        "sheet_every": sheet_every,
        "precision": precision,
        "seed": seed,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    config = make_config(recipe, augment=augment, freeze_speech=freeze_speech, **given)
    if dry_run:
        print_result({"pack": str(pack), "run": str(run), **config.to_dict()}, as_json)
        return
    from lipsync_cli.training.distributed import join, leave
    from lipsync_cli.training.loop import train as run_training

    rank, size, local = (int(os.environ.get(name, default)) for name, default in TORCHRUN.items())
    resolved = resolve_device(device)
    if size > 1 and resolved == "cuda":
        resolved = f"cuda:{local}"
    world = join(rank, size, resolved)
    try:
        with Progress(quiet or not world.is_first, verbose) as progress:
            result = run_training(
                pack,
                run,
                config,
                resolved,
                init,
                expert,
                progress=progress.update,
                note=progress.note,
                jobs=resolve_jobs(jobs),
                tensorboard=tensorboard,
                world=world,
                transcripts=transcripts,
            )
    finally:
        leave()
    if world.is_first:
        print_result(result, as_json, result["weights"])
