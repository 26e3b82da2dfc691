"""lipsync extract-frames: clips to numbered images, sound and a record of times."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.config.shard import find_shard
from lipsync_cli.pipelines.configs.extract_frames import ExtractFramesConfig
from lipsync_cli.pipelines.machine.resources import resolve_jobs


@takes_config(ExtractFramesConfig)
def extract_frames(
    config: ExtractFramesConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Write clips as numbered frames, sound, and their times.

    The frames of clip NAME of SPEAKER are OUTPUT/SPEAKER/NAME/000000.jpg and so on, every one that is shown, none
    twice; beside them lie speech.wav (16 kHz, mono) and frames.json with each frame's time. detect-faces and mels
    take the folder in place of the clips. Folders that are complete are kept, so the same command goes on where it
    was.

    \b
    Example:
      lipsync extract-frames grid/ frames/
    """
    from lipsync_cli.preprocessing.find_clips import VIDEO, find_share
    from lipsync_cli.preprocessing.frames import extract_frames
    from lipsync_cli.runtime.processes.dask_cluster import open_runner

    output, shard = config.output, find_shard(config.shard)
    with Progress(quiet, verbose) as progress:
        if dry_run:
            clips = find_share(config.source, shard, (VIDEO,), progress.failure, progress.note)
            print_result({"clips": len(clips), "output": str(output)}, json)
            return
        with open_runner(config.cluster) as do_tasks:
            report = extract_frames(
                config.source,
                output,
                image_format=config.image_format,
                quality=config.quality,
                jobs=resolve_jobs(config.jobs),
                force=config.force,
                progress=progress.update,
                on_failure=progress.failure,
                notify=progress.note,
                shard=shard,
                run=do_tasks,
            )
    print_result({"output": str(output), **report}, json, output)
    progress.raise_if_failed(report["clips"] + report["failed"])
