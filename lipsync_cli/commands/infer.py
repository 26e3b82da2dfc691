"""lipsync infer: a face and a voice to a video in which the face says it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.commands.output.terminal import print_line
from lipsync_cli.pipelines.configs.infer import InferConfig

if TYPE_CHECKING:
    from lipsync_cli.pipelines.inference.infer_batch import BatchPlan
    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.messages import Message


@takes_config(InferConfig)
def infer(
    config: InferConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Make the face say the speech.

    The output ends with the speech, rounded up to a whole frame, at the video's own frame rate. Only the lower face is
    changed; frames in which no face is found pass through. The output's metadata and an inaudible mark in its sound
    say that it is synthetic; `lipsync info` finds them.

    Of several speeches, or a list of them, one video each is made in the folder -o; the face is found once for all. A
    speech that fails costs one line and exit code 5; videos that are there already are not made again without
    --force.

    A list may hold texts instead, which a speech synthesiser speaks: --text says what, with columns of a table as
    {fields}. -n prints every text, how long it is, and how long the videos will take.

    Of several people in one video each speaks with the own voice by --speaker; who is not named stays untouched.

    In a pipe, - as the speech, or as the face, is stdin, and -o - is stdout; what is printed goes to stderr then.

    \b
    Example:
      lipsync infer face.mp4 speech.wav
      lipsync infer face.mp4 speech.wav --adapt 1m
      lipsync infer two.mp4 --speaker 0=ann.wav --speaker 1=bob.wav
      espeak-ng --stdout "Hello" | lipsync infer face.mp4 - -o - | ffplay -
      lipsync infer presenter.mp4 messages/*.wav -o videos/
      lipsync infer presenter.mp4 --messages customers.csv --text "Hello {name}." --names "{name}.mp4" -o videos/
    """
    from lipsync_cli.pipelines.inference import infer as pipeline
    from lipsync_cli.pipelines.inference.several_faces import check_faces
    from lipsync_cli.pipelines.machine.malloc_arenas import limit_arenas
    from lipsync_cli.pipelines.machine.resources import cache_folder

    check_faces(config.files.face, config.files.speech)
    limit_arenas()
    made: list[Path] = []
    with Progress(quiet, verbose) as progress, _says_what_is_kept(config, made, progress):
        if config.is_batch:
            _infer_batch(config, dry_run, json, progress, made)
            return
        is_streamed = config.files.output == Path("-")
        stdin, stdout = sys.stdin.buffer, sys.stdout.fileno() if is_streamed else None
        cache, notify = cache_folder(), progress.note
        if dry_run:
            plan = pipeline.plan(config, cache=cache, notify=notify, stdin=stdin, stdout=stdout)
            print_result(vars(plan), json, error=is_streamed)
            return
        result = pipeline.run(config, cache=cache, progress=progress.update, notify=notify, stdin=stdin, stdout=stdout)
        _tell_times(config, result, progress)
    if json or not is_streamed:
        figures = vars(result) | {"stopwatch": result.stopwatch.to_dict()}
        print_result(figures, json, result.output, error=is_streamed)


@contextmanager
def _says_what_is_kept(config: InferConfig, made: Sequence[Path], progress: Progress) -> Iterator[None]:
    """Say how to go on where Ctrl-C or SIGTERM ends the work; of pieces of a video it is said as they are kept."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if config.is_batch:
            again = "the same without --force" if config.files.force else "the same again"
            progress.note(f"{config.files.output}: {len(made)} videos are made and kept; {again} makes the others")
        elif not config.performance.resume:
            where = "" if config.files.output in (None, Path("-")) else f"{config.files.output}: "
            again = "the same again begins anew, --resume keeps pieces of a long one"
            progress.note(f"{where}nothing of the video is kept; {again}")
        raise


def _infer_batch(config: InferConfig, dry_run: bool, json: bool, progress: Progress, made: list[Path]) -> None:
    """Make a video of each speech; print their paths as they are done, and add them to `made`."""
    from lipsync_cli.pipelines.inference import infer_batch as pipeline
    from lipsync_cli.pipelines.inference.standard_streams import STDIN
    from lipsync_cli.pipelines.machine.resources import cache_folder
    from lipsync_cli.synthesis.table_reader import read_lines

    cache, lines = cache_folder(), read_lines(sys.stdin.buffer, STDIN)
    if dry_run:
        plan = pipeline.plan(config, lines, cache=cache, notify=progress.note, on_failure=progress.failure)
        _print_plan(plan, json)
        progress.raise_if_failed(plan.messages + plan.failed, "messages")
        return

    def tell(message: Message, result: Result) -> None:
        made.append(message.output)
        _tell_times(config, result, progress)
        if not json:
            print_line(message.output)

    result = pipeline.run(
        config,
        lines,
        cache=cache,
        progress=progress.update,
        notify=progress.note,
        on_failure=progress.failure,
        on_done=tell,
    )
    if json:
        lists = {"made": [str(path) for path in result.made], "skipped": [str(path) for path in result.skipped]}
        print_result({"output": str(result.output), **lists, "failed": result.failed}, json)
    progress.raise_if_failed(result.total, "messages")


def _print_plan(plan: BatchPlan, json: bool) -> None:
    """Print what a list would come to; where texts are spoken, a line for each of them first."""
    counts = {"output": plan.output, "messages": plan.messages, "to_make": plan.to_make, "ready": plan.ready}
    if plan.texts:
        counts |= {"duration_s": round(plan.duration_s, 1), "estimated_s": plan.estimated_s}
    if json:
        print_result(counts | ({"texts": [vars(each) for each in plan.texts]} if plan.texts else {}), json)
        return
    for each in plan.texts:
        state = "  (there already)" if each.is_ready else ""
        print_line(f"{each.output}  {each.duration_s:.1f} s  {' '.join(each.text.split())}{state}")
    print_result(counts, json)


def _tell_times(config: InferConfig, result: Result, progress: Progress) -> None:
    for line in result.stopwatch.table():
        (progress.note if config.performance.profile else progress.detail)(line)
