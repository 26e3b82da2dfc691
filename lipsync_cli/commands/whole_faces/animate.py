"""lipsync animate: a still and a voice to a talking head."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.configs.whole_faces.animate import AnimateConfig


@takes_config(AnimateConfig)
def animate(
    config: AnimateConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Make a still talk: draw the whole face anew in every frame.

    The weights are those of a run of train with the recipe temporal-gan. The output has 25 frames a second and ends
    with the speech, rounded up to a whole frame; noise of --seed decides what the voice leaves open, such as blinks.
    The output's metadata and an inaudible mark in its sound say that it is synthetic; `lipsync info` finds them.

    \b
    Example:
      lipsync animate still.jpg speech.wav --weights runs/tgan -o out.mp4
      lipsync animate still.jpg speech.wav --weights runs/tgan --into frame
    """
    from lipsync_cli.pipelines.inference import animate as pipeline

    if dry_run:
        print_result(pipeline.plan(config), json)
        return
    with Progress(quiet, verbose) as progress:
        result = pipeline.run(config, progress=progress.update, notify=progress.note)
    print_result(vars(result), json, result.output)
