"""The tables of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, ROWS
from lipsync_cli.metrics.metric import HIGHER, LOWER, Metric
from lipsync_cli.scoring.report.html.columns import Column, show_interval, show_metric, show_number
from lipsync_cli.scoring.report.html.element import Markup, join, tag
from lipsync_cli.scoring.results.bootstrap import BETTER, WITHIN, WORSE, Difference, count_chances
from lipsync_cli.scoring.results.records import Results
from lipsync_cli.scoring.results.scores import ALL, Statistics

_GAINS = {COPY: "over copying the reference", MISMATCHED: "over the wrong audio", FROZEN: "over a frozen face"}


def draw_gains(all_results: Sequence[Results], metric: Metric) -> Markup:
    """Say in large figures how good each model is and what it gains over its controls."""
    controls = [row for row in _GAINS if any(_gain(results, row, metric) for results in all_results)]
    heads = [tag("th", show_metric(metric), scope="col"), *(tag("th", _GAINS[row], scope="col") for row in controls)]
    lines = []
    for index, results in enumerate(all_results):
        label = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        cells = [_cell(results.overall.get(results.scored_row, {}).get(metric.name), metric, label=label)]
        cells += [_cell(_gain(results, row, metric), metric, True, label=_GAINS[row]) for row in controls]
        name = results.label if len(all_results) > 1 else results.rows[results.scored_row]
        lines.append(tag("tr", tag("th", tag("span", class_=f"dot m{index % 6}"), name, scope="row"), cells))
    head = tag("thead", tag("tr", tag("td"), heads))
    return _frame("Gains over the baselines", tag("table", head, tag("tbody", lines), class_="gains"))


def draw_figures(columns: Sequence[Column], metrics: Sequence[Metric]) -> Markup:
    """Make the main table: metrics down, models and controls across; mean and 95 % interval."""
    heads = [tag("th", column.swatch(), column.title, scope="col") for column in columns]
    bodies: list[Markup | None] = []
    lines: list[Markup] = []
    group = ""
    for metric in metrics:
        if metric.group != group:
            bodies.append(tag("tbody", lines) if lines else None)
            group = metric.group
            lines = [tag("tr", tag("th", group, scope="rowgroup", colspan=len(columns) + 1), class_="group")]
        best = _find_best(columns, metric)
        cells = [_figure(column, metric, column is best) for column in columns]
        lines.append(tag("tr", tag("th", show_metric(metric), scope="row"), cells))
    bodies.append(tag("tbody", lines))
    head = tag("thead", tag("tr", tag("th", "mean, 95 % interval", scope="col", class_="corner"), heads))
    return _frame("Figures", tag("table", head, bodies, class_="figures"))


def draw_details(columns: Sequence[Column], metrics: Sequence[Metric]) -> Markup:
    """Make the long table: mean, interval, median, maximum, minimum, counts."""
    names = ("mean", "95 % interval", "median", "maximum", "minimum", "frames", "clips")
    head = tag("thead", tag("tr", tag("td"), [tag("th", name, scope="col") for name in names]))
    bodies = []
    for metric in metrics:
        lines = [tag("tr", tag("th", show_metric(metric), scope="rowgroup", colspan=len(names) + 1), class_="group")]
        for column in columns:
            if (found := column.find(metric.name)) is None:
                continue
            texts = [
                show_number(found.mean, metric),
                show_interval(found.low, found.high, metric),
                *(show_number(value, metric) for value in (found.median, found.max, found.min)),
                str(found.frames or "—"),
                str(found.clips),
            ]
            title = tag("th", column.swatch(), column.title, scope="row")
            lines.append(tag("tr", title, [tag("td", text) for text in texts]))
        bodies.append(tag("tbody", lines) if len(lines) > 1 else None)
    return _frame("All statistics", tag("table", head, bodies, class_="figures long"))


def draw_speakers(columns: Sequence[Column], metric: Metric) -> Markup | None:
    """Make the table of each speaker's means; None if there is one speaker only."""
    groups = [group for group in columns[0].results.summary if group != ALL]
    if len(groups) < 2:
        return None
    shown = [column for column in columns if column.find(metric.name)]
    counts = {group: sum(speaker == group for speaker, _ in columns[0].results.clips) for group in groups}
    heads = [tag("th", column.swatch(), column.title, scope="col") for column in shown]
    lines = [
        tag(
            "tr",
            tag("th", group, scope="row"),
            tag("td", str(counts[group])),
            [_cell(column.find(metric.name, group), metric) for column in shown],
        )
        for group in groups
    ]
    head = tag("thead", tag("tr", tag("th", "speaker", scope="col"), tag("th", "clips", scope="col"), heads))
    return _frame("Speakers", tag("table", head, tag("tbody", lines), class_="figures"))


def draw_differences(
    first: Results, second: Results, differences: Sequence[Difference], metrics: Sequence[Metric]
) -> Markup:
    """Make the table of what the second model does differently from the first."""
    of = {metric.name: metric for metric in metrics}
    heads = ("", "difference", f"{second.label} is", "95 % interval", first.label, second.label, "clips")
    bodies = []
    for row in dict.fromkeys(one.row for one in differences):
        title = " over ".join(_title(first, name) for name in row.split(" - "))
        lines = [tag("tr", tag("th", title, scope="rowgroup", colspan=len(heads)), class_="group")]
        for one in differences:
            if one.row != row:
                continue
            metric = of[one.metric]
            mark = {BETTER: "▲ ", WORSE: "▼ "}.get(one.verdict, "")
            is_gain = " - " in row
            cells = [
                tag("td", tag("strong", show_number(one.difference, metric, True)), class_="mean"),
                tag("td", mark + one.verdict, class_="verdict " + ("calm" if one.verdict == WITHIN else "loud")),
                tag("td", show_interval(one.low, one.high, metric, True)),
                tag("td", show_number(one.first, metric, is_gain)),
                tag("td", show_number(one.second, metric, is_gain)),
                tag("td", str(one.clips)),
            ]
            lines.append(tag("tr", tag("th", show_metric(metric), scope="row"), cells))
        bodies.append(tag("tbody", lines))
    head = tag("thead", tag("tr", [tag("th", text, scope="col") if text else tag("td") for text in heads]))
    table = _frame("Differences", tag("table", head, bodies, class_="figures differences"))
    chances = count_chances(list(differences))
    note = (
        "Frame by frame on the clips that both have; whole clips drawn with replacement 10,000 times. "
        f"Were the two alike, {chances:.1f} of these {len(differences)} lines would stand out by chance."
    )
    return join(table, tag("p", note, class_="note"))


def draw_definitions(metrics: Sequence[Metric]) -> Markup:
    """Make the table of what each metric is."""
    heads = ("metric", "name", "a figure for each", "definition", "source")
    lines = [
        tag(
            "tr",
            tag("th", show_metric(metric), scope="row"),
            tag("td", tag("code", metric.name)),
            tag("td", metric.per),
            tag("td", metric.definition),
            tag("td", metric.source),
        )
        for metric in metrics
    ]
    head = tag("thead", tag("tr", [tag("th", text, scope="col") for text in heads]))
    return _frame("Definitions", tag("table", head, tag("tbody", lines), class_="words"))


def draw_protocol(results: Results) -> Markup:
    """List what was compared with what: every fact of the scores' protocol."""
    left_out = {"kind", "metrics", "rows", "notes", "interval", "files", "command", "version"}
    facts = {name: value for name, value in results.protocol.items() if name not in left_out}
    lines = [
        tag("div", tag("dt", name.replace("_", " ")), tag("dd", _show_fact(value))) for name, value in facts.items()
    ]
    files = results.protocol.get("files")
    for each in files if isinstance(files, list) else []:
        if isinstance(each, dict):
            lines.append(tag("div", tag("dt", "video"), tag("dd", _show_fact(each))))
    return tag("dl", lines, class_="facts")


def _show_fact(value: Any) -> Markup:
    if isinstance(value, dict):
        if not value:
            return join("none")
        pairs = ((name.replace("_", " "), inner) for name, inner in value.items())
        return tag("span", [tag("span", f"{name}: ", _show_fact(inner), class_="pair") for name, inner in pairs])
    if isinstance(value, list):
        return join(", ".join(str(each) for each in value))
    if value is None:
        return join("none")
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value > 9999 else str(value)
    return tag("code", text) if isinstance(value, str) else join(text)


def _frame(label: str, table: Markup) -> Markup:
    """Let a table scroll for itself where the screen is narrow, by keyboard, too."""
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)


def _figure(column: Column, metric: Metric, is_best: bool) -> Markup:
    found = column.find(metric.name)
    if found is None:
        reason = column.results.reasons.get(column.row, {}).get(metric.name)
        return tag("td", "null" if reason is not None else "", class_="null", title=reason)
    return _cell(found, metric, is_best=is_best)


def _cell(
    found: Statistics | None,
    metric: Metric,
    is_difference: bool = False,
    is_best: bool = False,
    label: str | None = None,
) -> Markup:
    if found is None:
        return tag("td")
    mean = show_number(found.mean, metric, is_difference)
    interval = show_interval(found.low, found.high, metric, is_difference)
    shown = tag("strong", mean) if is_best else mean
    small = tag("span", interval, class_="interval") if interval else None
    return tag("td", tag("span", shown, class_="mean"), small, data_label=label)


def _find_best(columns: Sequence[Column], metric: Metric) -> Column | None:
    """Find the best of several models, to be set in bold."""
    found = [(column, of.mean) for column in columns if column.is_scored and (of := column.find(metric.name))]
    if len(found) < 2 or metric.direction not in (HIGHER, LOWER):
        return None
    return (max if metric.direction == HIGHER else min)(found, key=lambda pair: pair[1])[0]


def _gain(results: Results, row: str, metric: Metric) -> Statistics | None:
    return results.overall.get(f"{results.scored_row} - {row}", {}).get(metric.name)


def _title(results: Results, row: str) -> str:
    return results.rows.get(row, row) if row in ROWS else row
