"""lipsync mels: clips to log-mel spectrograms."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.config.shard import find_shard
from lipsync_cli.pipelines.configs.mels import MelsConfig
from lipsync_cli.pipelines.machine.resources import resolve_jobs


@takes_config(MelsConfig)
def mels(
    config: MelsConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Compute the log-mel spectrogram of every clip, and its speech features if they are wanted.

    Sound is brought to 16 kHz mono and starts at the clip's first video frame; a sound file beside a clip of the same
    name is not used. A clip that fails costs one line and exit code 5; the others are done. A run that was killed goes
    on where it was when the same command is given again.

    \b
    Example:
      lipsync mels grid/ mels.h5
    """
    from lipsync_cli.preprocessing.find_clips import FRAMES, SOUND, VIDEO, find_share
    from lipsync_cli.preprocessing.mels import collect_mels
    from lipsync_cli.runtime.atomic_files import check_output
    from lipsync_cli.runtime.processes.dask_cluster import open_runner
    from lipsync_cli.runtime.run_inputs import keep_inputs

    output, shard = config.output, find_shard(config.shard)
    with Progress(quiet, verbose) as progress:
        if dry_run:
            clips = find_share(config.source, shard, (VIDEO, FRAMES, SOUND), progress.failure, progress.note)
            with keep_inputs([config.source]):
                check_output(output, config.force)
            print_result({"clips": len(clips), "output": str(output)}, json)
            return
        with open_runner(config.cluster) as do_tasks:
            report = collect_mels(
                config.source,
                output,
                jobs=resolve_jobs(config.jobs),
                force=config.force,
                progress=progress.update,
                on_failure=progress.failure,
                notify=progress.note,
                features=tuple(name.strip() for name in config.features.split(",")),
                variants=config.variants,
                seed=config.seed,
                bands=config.bands,
                audio_track=config.audio_track,
                shard=shard,
                run=do_tasks,
            )
    print_result({"output": str(output), **report}, json, output)
    progress.raise_if_failed(report["clips"] + report["failed"])
