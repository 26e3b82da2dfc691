"""The thesis's tables 7.1 to 7.3 of one or several models, with baselines: as text, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.baselines import COPY, MISMATCHED, TRUTH
from lipsync_cli.scoring.report.text_table import title_of, title_of_metric

if TYPE_CHECKING:
    from lipsync_cli.metrics.metric import Metric
    from lipsync_cli.scoring.results.records import Results
    from lipsync_cli.scoring.results.scores import Statistics

TABLES = {  # number in the thesis -> its metrics here: its own, then those of the mouth or without published weights
    "7.1": ("crop_ssim", "mouth_ssim"),
    "7.2": ("crop_psnr", "mouth_psnr"),
    "7.3": ("crop_fid", "crop_frechet_dlib"),
}
COLUMNS = ("mean", "low", "high", "median", "max", "min")
_HEADS = ("mean", "95 % from", "to", "median", "max", "min")
_ESCAPES = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


class Line(NamedTuple):
    """One line of a table: a model, or a baseline."""

    number: str
    metric: Metric
    title: str
    figures: Statistics

    @property
    def cells(self) -> list[str]:
        """The figures as text, in the order of `COLUMNS`; empty where there is none."""
        values = (getattr(self.figures, column) for column in COLUMNS)
        return ["" if value is None else f"{value:.{max(self.metric.digits, 2)}f}" for value in values]


def make_tables(results: Sequence[Results], form: str) -> str:
    """Write the tables of all models side by side.

    Parameters
    ----------
    results : of models on the same clips; a baseline that several have is that of the first
    form : of `FORMS`

    Raises
    ------
    NothingToDoError : none of the tables' metrics was measured
    """
    lines = _collect(results)
    if not lines:
        hint = "score with --metrics reconstruction"
        raise NothingToDoError("these scores have no SSIM, PSNR or Frechet distance", results[0].path, hint)
    return FORMS[form](lines)


def _collect(results: Sequence[Results]) -> list[Line]:
    """Find what the tables show: copy-reference, each model, its mismatched audio, the gain over it, ground truth."""
    lines = []
    for number, names in TABLES.items():
        for name in names:
            metric = next((one.metrics[name] for one in results if name in one.metrics), None)
            if metric is None:
                continue
            rows = [(title_of(COPY), results, COPY)]
            for one in results:
                rows.append((one.label, [one], one.scored_row))
                rows.append((f"{one.label}, {title_of(MISMATCHED)}", [one], MISMATCHED))
                gain = f"{one.scored_row} - {MISMATCHED}"
                rows.append((f"{one.label} - {title_of(MISMATCHED)}", [one], gain))
            rows.append((title_of(TRUTH), results, TRUTH))
            for title, of, row in rows:
                found = (one.overall.get(row, {}).get(name) for one in of)
                if (figures := next(filter(None, found), None)) is not None:
                    lines.append(Line(number, metric, title, figures))
    return lines


def _groups(lines: list[Line]) -> list[list[Line]]:
    """Put the lines of one metric together."""
    names = dict.fromkeys(line.metric.name for line in lines)
    return [[line for line in lines if line.metric.name == name] for name in names]


def _heading(line: Line) -> str:
    return f"Table {line.number}: {title_of_metric(line.metric)}"


def _make_text(lines: list[Line]) -> str:
    width = max(len(line.title) for line in lines) + 2
    written = []
    for group in _groups(lines):
        written += [_heading(group[0]), (" " * width + "".join(f"{head:>11}" for head in _HEADS)).rstrip()]
        written += [
            (f"{line.title:<{width}}" + "".join(f"{cell:>11}" for cell in line.cells)).rstrip() for line in group
        ]
        written.append("")
    return "\n".join(written[:-1])


def _make_csv(lines: list[Line]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["table", "metric", "row", *COLUMNS, "frames", "clips"])
    for line in lines:
        figures = line.figures
        writer.writerow([line.number, line.metric.name, line.title, *line.cells, figures.frames, figures.clips])
    return file.getvalue().rstrip("\n")


def _make_latex(lines: list[Line]) -> str:
    written = []
    for group in _groups(lines):
        written += [
            r"\begin{table}",
            rf"  \caption{{{_escape(title_of_metric(group[0].metric))} (table {group[0].number} of the thesis)}}",
            rf"  \begin{{tabular}}{{l{'r' * len(COLUMNS)}}}",
            r"    \hline",
            f"    & {' & '.join(_escape(head) for head in _HEADS)} \\\\",
            r"    \hline",
            *(f"    {_escape(line.title)} & {' & '.join(line.cells)} \\\\" for line in group),
            r"    \hline",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join(written[:-1])


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


FORMS: dict[str, Callable[[list[Line]], str]] = {"text": _make_text, "csv": _make_csv, "latex": _make_latex}
