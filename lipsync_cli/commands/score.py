"""lipsync score: how good the generated faces are, beside baselines."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.commands.output.terminal import print_json_text, print_line, print_text
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.score import STDOUT, ScoreConfig

if TYPE_CHECKING:
    from lipsync_cli.pipelines.scoring.score import ScoreResult


@takes_config(ScoreConfig)
def score(
    config: ScoreConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Measure generated faces, with baselines beside every figure.

    Of a pack's test clips, as the weights generate them; of a video or a folder of videos against the real ones, or
    alone. Baselines say what a figure is worth: copy-reference, frozen, mismatched audio, ground truth. What
    cannot be computed is null, with its reason. Without -o the means go to stdout, with --details the rest, too.
    docs/reference/metrics.md defines every metric.

    \b
    Example:
      lipsync score grid.h5 --weights runs/lipgan
      lipsync score out.mp4 --reference real.mp4 --metrics sync,crop_psnr
      lipsync score videos/ --reference real/ -o scores/
      lipsync score grid.h5 -o a.jsonl --report a.html
      lipsync score --compare a.jsonl b.jsonl
      lipsync score runs/*/scores --table latex --boxes boxes.png
      lipsync score grid.h5 --critic runs/lipgan
      lipsync score --rate pairs/
      lipsync score --ratings ratings-*.csv pairs.key.csv
    """
    from lipsync_cli.pipelines.scoring import score as pipeline
    from lipsync_cli.pipelines.scoring.score_report import report_scores, wants_results

    if json and config.table:
        raise UsageError("--json and --table both print the figures", hint="use one of them")
    command = shlex.join(["lipsync", *sys.argv[1:]])
    with Progress(quiet, verbose) as progress:
        if config.rate or config.ratings:
            _show_ratings(config, dry_run, json, progress)
            return
        if config.critic is not None:
            _show_critic(config, dry_run, json, progress)
            return
        if wants_results(config):
            _show_results(config, command, json, progress)
            return
        if dry_run:
            print_result(pipeline.plan(config, on_failure=progress.failure), json)
            return
        result = pipeline.run(config, command, progress=progress.update, on_failure=progress.failure)
        for text in result.scores.notes if json or config.output is not None else ():
            progress.detail(text)
        if config.shard is not None:
            progress.note(f"{config.output}: the same command without --shard writes the figures of all clips")
            counts = {"clips": result.count, "failed": result.failed, "shard": config.shard}
            print_result({"output": str(config.output), **counts}, json)
            progress.raise_if_failed(result.count + result.failed)
            return
        if not config.table:
            _hand_out(config, result, json, progress)
        if tables := report_scores(config, result, command, progress=progress.update, notify=progress.note):
            print_text(tables)
        progress.raise_if_failed(result.count + result.failed)


def _show_results(config: ScoreConfig, command: str, json: bool, progress: Progress) -> None:
    from lipsync_cli.pipelines.scoring.score_report import compare_results

    found = compare_results(config, command, progress=progress.update, notify=progress.note)
    if json:
        printed: dict[str, Any] = {"comparisons": found.comparisons} if config.compare else {}
        written = {"report": found.report, "boxes": found.boxes}
        print_result(printed | {name: str(path) for name, path in written.items() if path is not None}, True)
    else:
        print_text("\n\n".join(found.tables) if found.tables else str(found.report or found.boxes))


def _show_ratings(config: ScoreConfig, dry_run: bool, json: bool, progress: Progress) -> None:
    from lipsync_cli.pipelines.scoring import score_ratings

    if config.rate and dry_run:
        print_result(score_ratings.plan_page(config), json)
    elif config.rate:
        page, key = score_ratings.write_page(config, notify=progress.note)
        print_result({"output": str(page), "key": str(key)}, json, page)
    elif json:
        print_result(score_ratings.measure(config).to_dict(), True)
    else:
        print_text(score_ratings.measure(config).to_text())


def _show_critic(config: ScoreConfig, dry_run: bool, json: bool, progress: Progress) -> None:
    from lipsync_cli.pipelines.scoring import score_critic

    if dry_run:
        print_result(score_critic.plan(config), json)
        return
    found = score_critic.run(config, progress=progress.update)
    if json:
        print_result(found.to_dict(), True)
    else:
        print_text(found.to_text())


def _hand_out(config: ScoreConfig, result: ScoreResult, json: bool, progress: Progress) -> None:
    """Print the result, and write what was asked for."""
    from lipsync_cli.pipelines.scoring.score import write_output
    from lipsync_cli.scoring.report.text_table import make_lines, make_records, make_summary, make_table

    output, scores = config.output, result.scores
    table = make_table(scores, result.heading)
    if output == STDOUT:
        print_json_text(make_lines(make_records(scores)))
    write_output(config, result, table)
    shown = table if config.details else _shorten(config, result, table)
    if output is not None:
        progress.note(shown)
    if json and output != STDOUT:
        print_result(make_summary(scores) | ({"output": str(output)} if output else {}), True)
    elif output is None:
        print_text(shown)
    elif output != STDOUT:
        print_line(output)


def _shorten(config: ScoreConfig, result: ScoreResult, table: str) -> str:
    """Return the table without its details, and where these are."""
    from lipsync_cli.pipelines.scoring.score_outputs import is_lines
    from lipsync_cli.scoring.report.result_folder import TABLE
    from lipsync_cli.scoring.report.text_table import make_table

    short, output = make_table(result.scores, result.heading, details=False), config.output
    if short == table:
        return table
    where = "--details, or -o FOLDER" if output is None or is_lines(output) else str(output / TABLE)
    return f"{short}\n\nmedians, extremes, intervals, each speaker's means: {where}"
