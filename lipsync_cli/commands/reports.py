"""What `lipsync score` does with scores: the report, and which differences exceed the noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lipsync_cli.commands.result import print_result
from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.commands.progress import Progress
    from lipsync_cli.scoring.results import Results
    from lipsync_cli.scoring.scores import Scores


def is_results(path: Path) -> bool:
    """Tell whether this is what an earlier `lipsync score -o` wrote."""
    return path.suffix == ".jsonl" or (path / "scores.jsonl").is_file()


def show_results(
    sources: Sequence[Path],
    compare: bool,
    report: Path | None,
    force: bool,
    json: bool,
    device: str,
    progress: Progress,
    command: str,
) -> None:
    """Compare earlier scores with the first of them, or write a report with a column for each, or both."""
    from lipsync_cli.scoring.results import read_results, relabel

    if strangers := [path for path in sources if not is_results(path)]:
        raise UsageError(f"{strangers[0]} is no .jsonl file of scores", hint="score it with -o first")
    if not compare and report is None:
        raise UsageError("these are scores already", hint="add --report FILE.html or --compare")
    if compare and len(sources) < 2:
        raise UsageError("--compare needs at least two .jsonl files")
    if report is not None:
        check_report(report, force, sources)
    results = relabel([read_results(path) for path in sources])
    printed: dict[str, Any] = {}
    tables = []
    if compare:
        from lipsync_cli.scoring.compare import compare as compare_two
        from lipsync_cli.scoring.compare import describe_comparison, make_comparison

        found = [(other, compare_two(results[0], other)) for other in results[1:]]
        printed["comparisons"] = [describe_comparison(results[0], other, lines) for other, lines in found]
        tables = [make_comparison(results[0], other, lines) for other, lines in found]
    if report is not None:
        names = [one.label for one in results]
        heading = " · ".join(names) if len(names) > 1 else _find_heading(results[0])
        write_report(results, report, heading, force, device, progress, command)
        printed["report"] = str(report)
    if json:
        print_result(printed, True)
    else:
        typer.echo("\n\n".join(tables) if tables else report)


def report_scores(
    scores: Scores, heading: str, report: Path, force: bool, device: str, progress: Progress, command: str
) -> None:
    """Write the report of what has just been scored."""
    from lipsync_cli.scoring.report import make_records
    from lipsync_cli.scoring.results import make_results

    results = make_results(make_records(scores), str(scores.facts.get("weights", {}).get("name", "output")))
    write_report([results], report, heading, force, device, progress, command)


def write_report(
    results: Sequence[Results],
    report: Path,
    heading: str,
    force: bool,
    device: str,
    progress: Progress,
    command: str,
) -> None:
    """Write the report whole or not at all."""
    from lipsync_cli.scoring.folder import write_text
    from lipsync_cli.scoring.page.page import make_page

    def explain(error: Exception) -> None:
        progress.note(f"lipsync: {report.name} shows no pictures of this: {error}")

    page = make_page(results, heading, command, device, progress=progress.update, on_failure=explain)
    write_text(report, page, force)


def check_report(report: Path, force: bool, inputs: Sequence[Path]) -> None:
    """Look at the name of the report before any work is done."""
    from lipsync_cli.output import check_output

    if report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {report} is no name of an HTML file", hint="give a name that ends in .html")
    check_output(report, force, inputs)


def _find_heading(results: Results) -> str:
    facts = results.protocol
    if "pack" in facts:
        weights = facts.get("weights")
        name = weights.get("name") if isinstance(weights, dict) else results.label
        return f"{name} on the {facts.get('split')} clips of {Path(str(facts['pack'])).name}"
    reference = f" against {Path(str(facts['reference'])).name}" if facts.get("reference") else ""
    return Path(str(facts.get("output", results.label))).name + reference
