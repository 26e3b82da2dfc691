"""lipsync pack: faces and mels to one training file."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.configs.pack import PackConfig


@takes_config(PackConfig)
def pack(
    config: PackConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Join faces and mels into one training file with a split.

    Each clip goes to train, validation or test. Clips are joined by speaker and name; one that has faces or a mel only
    costs one line and exit code 5. What several machines have made with --shard is joined in one go, in any order.

    \b
    Example:
      lipsync pack faces.h5 mels.h5 grid.h5 --test-per-speaker 20
      lipsync pack faces.*.h5 mels.*.h5 -o grid.h5
    """
    from lipsync_cli.preprocessing.pack import Split
    from lipsync_cli.preprocessing.pack import pack as join
    from lipsync_cli.preprocessing.store_set import sort_by_format
    from lipsync_cli.runtime.run_inputs import keep_inputs

    split = Split(
        config.test_per_speaker,
        config.validation_per_speaker,
        config.train_per_speaker,
        config.test_speaker,
        config.validation_speaker,
        config.split_above,
    )
    files, output = config.inputs_and_output()
    with Progress(quiet, verbose) as progress, keep_inputs(files):
        faces, mels = sort_by_format(files)
        report = join(
            faces,
            mels,
            output,
            split,
            force=config.force,
            dry_run=dry_run,
            progress=progress.update,
            on_failure=progress.failure,
            note=progress.note,
            mouths=config.mouths,
            landmarks=config.landmarks,
        )
    print_result({"output": str(output), **report}, json, None if dry_run else output)
    progress.raise_if_failed(report["clips"] + report["failed"])
