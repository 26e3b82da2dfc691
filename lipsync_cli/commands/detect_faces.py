"""lipsync detect-faces: clips to boxes and crops of the face in every frame."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.detect_faces import DetectFacesConfig, plan, run


@takes_config(DetectFacesConfig)
def detect_faces(
    config: DetectFacesConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Find the face in every frame, and store its box and crop.

    It is the largest steady face of each clip. Every frame keeps its row; one without a face has no box. A clip
    that fails costs one line and exit code 5; the others are done. A run that was killed goes on where it was when
    the same command is given again.

    \b
    Example:
      lipsync detect-faces grid/ faces.h5
    """
    with Progress(quiet, verbose) as progress:
        if dry_run:
            found = plan(config, on_failure=progress.failure, notify=progress.note)
            print_result({**vars(found), "output": str(found.output), "crop_rule": found.crop_rule.to_dict()}, json)
            return
        result = run(config, progress=progress.update, on_failure=progress.failure, notify=progress.note)
    print_result({"output": str(result.output), **result.report}, json, result.output)
    progress.raise_if_failed(result.clips + result.failed)
