"""lipsync curves: the logs of several runs as one picture."""

from __future__ import annotations

from pathlib import Path

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.configs.curves import CurvesConfig


@takes_config(CurvesConfig)
def curves(
    config: CurvesConfig,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Draw the logs of several runs in one picture.

    Each loss and each validated figure has a panel, and each run a colour, the same in all panels. Runs may still be
    going on.

    \b
    Example:
      lipsync curves runs/*
      lipsync curves runs/lipgan runs/l1wgan-gp --name LipGAN --name L1WGAN-GP -o both.png
    """
    from lipsync_cli.pipelines.curves import draw_curves

    found = draw_curves(config)
    print_result(found, json, Path(found["output"]))
