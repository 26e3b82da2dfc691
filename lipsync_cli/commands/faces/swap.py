"""lipsync swap: a video, with the face of another person on a head in it."""

from __future__ import annotations

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.swapping.config import SwapConfig


@takes_config(SwapConfig)
def swap(
    config: SwapConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Put the face of another person on a head of a video.

    For people who agreed to it, both of them: who is filmed, and whose face is put on. No weights come with the
    program, because such weights are people; `lipsync train --recipe face-swap` makes them from videos of your own.

    Frames in which no face is found pass through. Everything outside of the face's outline stays as it is, and so does
    what lies over the lower face. The video is marked as synthetic in its metadata and sound, and by a visible label.

    \b
    Example:
      lipsync swap bob.mp4 --weights runs/swap --to ann -o out.mp4
      lipsync swap bob.mp4 hello.wav --weights runs/swap --to ann -o out.mp4
      lipsync swap two.mp4 --weights runs/swap --to left=ann --to right=bob -o out.mp4
    """
    from lipsync_cli.pipelines.machine.malloc_arenas import limit_arenas
    from lipsync_cli.pipelines.swapping import swap as pipeline

    limit_arenas()
    with Progress(quiet, verbose) as progress:
        if dry_run:
            found = pipeline.plan(config)
            print_result(
                {
                    "output": str(found.output),
                    "frames": found.clip.timeline.num_frames,
                    "people": list(found.people),
                    "weights": found.header.name,
                    "marks": found.marking.names(),
                },
                json,
            )
            return
        result = pipeline.run(config, progress=progress.update, notify=progress.note)
    print_result(vars(result), json, result.output)
