"""lipsync export: weights to ONNX, for other programs."""

from __future__ import annotations

from pathlib import Path

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.export import ExportConfig

EMBEDDED = Path("embedded")


@takes_config(ExportConfig)
def export(
    config: ExportConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Write a generator as ONNX, and check that it generates the same.

    Its inputs are reference and target (n, 3, S, S), RGB in [0, 1], and mel (n, 1, bands, frames: 80 and 27 unless
    trained with others) or features (n, 21, 384); its outputs are those of the architecture. The header of the weights
    goes with it as metadata. Needs lipsync-cli[onnx].

    --speech-encoder writes the network before it as well: samples (1, n), 16 kHz, n a multiple of 320, and gain_db
    (1,), to features (1, n / 320, 384). The two are all that a frame needs.

    \b
    Example:
      lipsync export runs/compact compact.onnx
      lipsync export embedded generator.onnx --speech-encoder encoder.onnx
    """
    from lipsync_cli.formats.onnx import export_onnx
    from lipsync_cli.formats.onnx_speech import export_speech_encoder
    from lipsync_cli.formats.weights import find_weights, read_header
    from lipsync_cli.runtime.atomic_files import check_output
    from lipsync_cli.runtime.run_inputs import keep_inputs

    output, encoder = config.output, config.speech_encoder
    weights = None if config.weights == EMBEDDED and not EMBEDDED.exists() else config.weights
    for path in filter(None, (output, encoder)):
        if path.suffix.lower() != ".onnx":
            raise UsageError(f"{path}: weights are exported as ONNX", hint="give a name that ends in .onnx")
    if output == encoder:
        raise UsageError(f"{output}: is named twice", hint="name another file for --speech-encoder")
    with keep_inputs([weights]):
        for path in filter(None, (output, encoder)):
            check_output(path, config.force)
        names = {"output": str(output)} | ({} if encoder is None else {"speech_encoder": str(encoder)})
        if dry_run:
            print_result({**names, "weights": read_header(find_weights(weights)).name}, json)
            return
        report = export_onnx(weights, output, config.batch_size, config.force, articulation=config.articulation)
        if encoder is not None:
            report["encoder"] = export_speech_encoder(encoder, config.force)
    print_result({**names, **report}, json, output)
