"""lipsync export: weights to ONNX, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import common
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError


def export(
    weights: Annotated[Path, typer.Argument(help="Run folder of train, or .safetensors file.", show_default=False)],
    output: Annotated[Path, typer.Argument(help="ONNX file to write.", show_default=False)],
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Faces drawn by one call.")] = 1,
    force: common.Force = False,
    dry_run: common.DryRun = False,
    json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    """Write a generator as ONNX, and check that it draws the same.

    Its inputs are reference and target (n, 3, S, S), RGB in [0, 1], and mel (n, 1, 80, 27) or features (n, 21, 384);
    its outputs are those of the architecture. The header of the weights goes with it as metadata. Needs
    lipsync-cli[onnx].

    \b
    Example:
      lipsync export runs/compact compact.onnx
    """
    from lipsync_cli.formats.onnx import export_onnx
    from lipsync_cli.formats.weights import find_weights, read_header
    from lipsync_cli.runtime.atomic_files import check_output

    if output.suffix.lower() != ".onnx":
        raise UsageError(f"{output}: weights are exported as ONNX", hint="give a name that ends in .onnx")
    check_output(output, force)
    if dry_run:
        print_result({"output": str(output), "weights": read_header(find_weights(weights)).name}, json)
        return
    report = export_onnx(weights, output, batch_size, force)
    print_result({"output": str(output), **report}, json, output)
