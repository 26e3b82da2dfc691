"""lipsync live: a presenter who says what comes in, while it comes."""

from __future__ import annotations

import sys

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.pipelines.configs.live import LiveConfig


@takes_config(LiveConfig)
def live(
    config: LiveConfig,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Make a presenter say what comes in, while it comes.

    The presenter's video is shown back and forth at its own frame rate; the mouth follows the sound, and rests where
    there is none. The sound is never cut: picture and sound cannot drift apart. Where the machine is too slow, fewer
    mouths a second are generated, and the film keeps its rate.

    The faces and poses of the presenter are looked for before the start, once: they are kept for the next time.

    \b
    Example:
      arecord -f S16_LE -r 16000 | lipsync live presenter.mp4 --rate 16000 | ffplay -fflags nobuffer -
      lipsync live presenter.mp4 speech.wav --to udp://127.0.0.1:5000
      lipsync live presenter.mp4 speech.wav --to out.mkv
    """
    from lipsync_cli.pipelines import live as pipeline
    from lipsync_cli.pipelines.machine.resources import cache_folder

    is_streamed = config.files.to == "-"
    with Progress(quiet, verbose) as progress:
        result = pipeline.run(
            config,
            cache=cache_folder(),
            progress=progress.update,
            notify=progress.note,
            stdin=sys.stdin.fileno() if str(config.files.speech) == "-" else None,
            stdout=sys.stdout.fileno() if is_streamed else None,
        )
        progress.note(result.report.to_text())
    if json or not is_streamed:
        print_result(result.to_dict(), json, result.output, error=is_streamed)
