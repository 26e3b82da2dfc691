"""Scores that are there already: the report with a column each, and which differences exceed the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.build import check_values
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.pipelines.scoring.score import ScoreResult
from lipsync_cli.pipelines.scoring.score_outputs import check_boxes, check_report

if TYPE_CHECKING:
    from lipsync_cli.scoring.results.records import Results


@dataclass(frozen=True)
class Comparison:
    """What came of earlier scores.

    Attributes
    ----------
    comparisons : of each file with the first, JSON-able
    tables : the same as text; the thesis's tables, if they were asked for
    report, boxes : the HTML file and the picture that were written
    """

    comparisons: list[dict[str, Any]] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    report: Path | None = None
    boxes: Path | None = None


def is_results(path: Path) -> bool:
    """Tell whether this is what an earlier `lipsync score -o` wrote."""
    return path.suffix == ".jsonl" or (path / "scores.jsonl").is_file()


def wants_results(config: ScoreConfig) -> bool:
    """Tell whether the options ask for earlier scores, rather than for scoring."""
    return config.compare or any(map(is_results, config.sources))


@keeps_inputs
def compare_results(
    config: ScoreConfig, command: str = "", *, progress: Progress | None = None, notify: Notify = ignore
) -> Comparison:
    """Compare earlier scores with the first of them, or write a report with a column for each, or both.

    Parameters
    ----------
    command : that led here, for the report
    progress, notify : told how much is done, and in words what a user should know

    Raises
    ------
    LipsyncError : the options make no sense, or a file cannot be read or written
    """
    from lipsync_cli.scoring.results.records import read_results, relabel

    check_values(config)
    sources, report = config.sources, config.report
    if config.output is not None or config.reference is not None or config.weights is not None:
        raise UsageError("-o, --reference and --weights are for scoring, not for scores")
    device = resolve_device(config.device)
    if strangers := [path for path in sources if not is_results(path)]:
        raise UsageError(f"{strangers[0]} is no .jsonl file of scores", hint="score it with -o first")
    if not config.compare and not config.table and report is None and config.boxes is None:
        raise UsageError("these are scores already", hint="add --report FILE.html, --compare, --table or --boxes")
    if config.compare and config.table:
        raise UsageError("--compare and --table both print tables", hint="use one of them")
    if config.compare and len(sources) < 2:
        raise UsageError("--compare needs at least two .jsonl files")
    if report is not None:
        check_report(report, config.force)
    if config.boxes is not None:
        check_boxes(config.boxes, config.force)
    results = relabel([read_results(path) for path in sources])
    if config.name:
        _rename(results, config.name)
    comparisons, tables = [], []
    if config.compare:
        from lipsync_cli.scoring.results.bootstrap import compare, describe_comparison, make_comparison

        found = [(other, compare(results[0], other)) for other in results[1:]]
        comparisons = [describe_comparison(results[0], other, lines) for other, lines in found]
        tables = [make_comparison(results[0], other, lines) for other, lines in found]
    if config.table:
        tables = [_make_thesis_tables(results, config.table)]
    if config.boxes is not None:
        _draw_boxes(results, config.boxes, config.force)
    if report is not None:
        names = [one.label for one in results]
        heading = " · ".join(names) if len(names) > 1 else _find_heading(results[0])
        _write_report(results, report, heading, config.force, device, command, progress=progress, notify=notify)
    return Comparison(comparisons, tables, report, config.boxes)


@keeps_inputs
def report_scores(
    config: ScoreConfig,
    result: ScoreResult,
    command: str = "",
    *,
    progress: Progress | None = None,
    notify: Notify = ignore,
) -> str:
    """Write report and box plots of what has just been scored, and give the thesis's tables, as the options ask.

    Returns
    -------
    the tables, "" for none
    """
    from lipsync_cli.scoring.report.text_table import make_records
    from lipsync_cli.scoring.results.records import make_results

    if config.report is None and config.boxes is None and not config.table:
        return ""
    label = str(result.scores.facts.get("weights", {}).get("name", "output"))
    results = [make_results(make_records(result.scores), label)]
    if config.boxes is not None:
        _draw_boxes(results, config.boxes, config.force)
    if config.report is not None:
        device = resolve_device(config.device)
        _write_report(
            results, config.report, result.heading, config.force, device, command, progress=progress, notify=notify
        )
    return _make_thesis_tables(results, config.table) if config.table else ""


def _rename(results: Sequence[Results], names: Sequence[str]) -> None:
    """Call results by names of the user."""
    if len(names) != len(results):
        fact = f"--name is given {len(names)} times for {len(results)} files of scores"
        raise UsageError(fact, hint="give one for each, in their order")
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise UsageError("--name needs another name for each file of scores")
    for one, name in zip(results, names, strict=True):
        one.label = name


def _make_thesis_tables(results: Sequence[Results], form: str) -> str:
    from lipsync_cli.scoring.report.thesis_tables import make_tables

    return make_tables(results, form)


def _draw_boxes(results: Sequence[Results], path: Path, force: bool) -> None:
    """Draw the box plots of several models, whole or not at all."""
    from lipsync_cli.runtime.atomic_files import atomic_output
    from lipsync_cli.scoring.report.model_boxes import plot_models

    with atomic_output(path, force) as temporary:
        plot_models(results, temporary)


def _write_report(
    results: Sequence[Results],
    report: Path,
    heading: str,
    force: bool,
    device: str,
    command: str,
    *,
    progress: Progress | None,
    notify: Notify,
) -> None:
    """Write the report whole or not at all."""
    from lipsync_cli.scoring.report.html.page import make_page
    from lipsync_cli.scoring.report.result_folder import write_text

    def explain(error: Exception) -> None:
        notify(f"lipsync: {report.name} shows no pictures of this: {error}")

    page = make_page(results, heading, command, device, progress=progress, on_failure=explain)
    write_text(report, page, force)


def _find_heading(results: Results) -> str:
    facts = results.protocol
    if "pack" in facts:
        weights = facts.get("weights")
        name = weights.get("name") if isinstance(weights, dict) else results.label
        return f"{name} on the {facts.get('split')} clips of {Path(str(facts['pack'])).name}"
    reference = f" against {Path(str(facts['reference'])).name}" if facts.get("reference") else ""
    return Path(str(facts.get("output", results.label))).name + reference
