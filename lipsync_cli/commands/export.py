"""lipsync export: weights to ONNX, for other programs."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.export import ExportConfig


@takes_config(ExportConfig)
def export(
    config: ExportConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Write a generator as ONNX, and check that it generates the same.

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
    from lipsync_cli.runtime.run_inputs import keep_inputs

    weights, output = config.weights, config.output
    if output.suffix.lower() != ".onnx":
        raise UsageError(f"{output}: weights are exported as ONNX", hint="give a name that ends in .onnx")
    with keep_inputs([weights]):
        check_output(output, config.force)
        if dry_run:
            print_result({"output": str(output), "weights": read_header(find_weights(weights)).name}, json)
            return
        report = export_onnx(weights, output, config.batch_size, config.force)
    print_result({"output": str(output), **report}, json, output)
