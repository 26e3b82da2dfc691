"""The report: everything about one or several models in one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files

from lipsync_cli import __version__
from lipsync_cli.errors import LipsyncError, NothingToDoError
from lipsync_cli.metrics.metric import Metric
from lipsync_cli.scoring.report.html import clips, tables
from lipsync_cli.scoring.report.html.charts import draw_boxes
from lipsync_cli.scoring.report.html.columns import Column, find_leading, list_metrics, make_columns
from lipsync_cli.scoring.report.html.element import Markup, join, make_document, tag
from lipsync_cli.scoring.report.html.verdict import draw_verdict
from lipsync_cli.scoring.report.replay import open_scenes
from lipsync_cli.scoring.results.bootstrap import compare
from lipsync_cli.scoring.results.records import Results

Progress = Callable[[int, int | None, str], None]


def make_page(
    all_results: Sequence[Results],
    heading: str,
    command: str = "",
    device: str = "cpu",
    *,
    with_pictures: bool = True,
    progress: Progress | None = None,
    on_failure: Callable[[LipsyncError], None] | None = None,
) -> str:
    """Make a report of one model, or of several side by side.

    Parameters
    ----------
    all_results : models, or sets of videos; clips are ranked by the first
    heading : title of the page
    command : what was typed
    device : where generators draw the pictures
    with_pictures : show pictures and films, made again from the files that the scores name
    progress : called with clips done, clips in all, and what is being done
    on_failure : told why something is not shown

    Returns
    -------
    a whole HTML document

    Raises
    ------
    NothingToDoError : no metric has a figure
    InputError : several results are not comparable
    """
    notify = on_failure or (lambda error: None)
    columns, metrics = make_columns(all_results), list_metrics(all_results)
    leading = find_leading(all_results)
    if leading is None:
        hint = "score again, with other --metrics"
        raise NothingToDoError("the scores hold no figure that a report could show", all_results[0].path, hint)
    sections = [
        ("verdict", "In words", draw_verdict(all_results[0]) if len(all_results) == 1 else None),
        ("gains", "In short", _draw_short(all_results, leading)),
        ("differences", "Differences", _draw_differences(all_results, metrics)),
        ("figures", "Figures", _draw_figures(columns, metrics, leading)),
        ("spread", "Spread", _draw_spread(columns, metrics)),
        (
            "clips",
            "Clips",
            _draw_clips(columns, metrics, leading, device, with_pictures, progress=progress, notify=notify),
        ),
        ("protocol", "Protocol", _draw_protocol(all_results, metrics, command)),
    ]
    there = [(name, title, content) for name, title, content in sections if content is not None]
    links = [tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in there]
    first = all_results[0]
    counts = [f"{len(first.clips)} clips" if len(first.clips) != 1 else "1 clip"]
    counts += [f"{first.protocol['frames']} frames"] if isinstance(first.protocol.get("frames"), int) else []
    speakers = len({speaker for speaker, _ in first.clips})
    counts += [f"{speakers} speakers"] if speakers > 1 else []
    header = tag(
        "header",
        tag("p", "lipsync score", class_="kicker"),
        tag("h1", heading),
        tag("p", " · ".join(counts), class_="counts"),
        tag("nav", tag("ul", links), aria_label="Contents"),
    )
    body = [tag("section", tag("h2", title), content, id=name) for name, title, content in there]
    footer = tag(
        "footer", f"lipsync {__version__}. This file needs nothing beside it: it loads nothing and runs nothing."
    )
    css = files("lipsync_cli.scoring.report.html").joinpath("style.css").read_text(encoding="utf-8")
    return make_document(heading, css, join(header, tag("main", body), footer))


def _draw_short(all_results: Sequence[Results], leading: Metric) -> Markup:
    note = (
        "What counts is the gain over the baselines: a still mouth scores what copying scores, and a model that "
        "does not listen scores the same with the wrong audio. Small figures: 95 % interval of the mean, bootstrap "
        "over clips."
    )
    return join(tables.draw_gains(all_results, leading), tag("p", note, class_="note"))


def _draw_differences(all_results: Sequence[Results], metrics: Sequence[Metric]) -> Markup | None:
    first = all_results[0]
    parts = [tables.draw_differences(first, second, compare(first, second), metrics) for second in all_results[1:]]
    return join(parts) if parts else None


def _draw_figures(columns: Sequence[Column], metrics: Sequence[Metric], leading: Metric) -> Markup:
    shown = [metric for metric in metrics if any(_has(column, metric) for column in columns)]
    speakers = tables.draw_speakers(columns, leading)
    by_speaker = join(tag("h3", f"{leading.title} of each speaker"), speakers) if speakers is not None else None
    details = tag("details", tag("summary", "Median, maximum, minimum and counts"), tables.draw_details(columns, shown))
    return join(tables.draw_figures(columns, shown), _draw_reasons(columns), details, by_speaker)


def _has(column: Column, metric: Metric) -> bool:
    return column.find(metric.name) is not None or metric.name in column.results.reasons.get(column.row, {})


def _draw_reasons(columns: Sequence[Column]) -> Markup | None:
    """Say why figures are null."""
    found: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        for metric, reason in column.results.reasons.get(column.row, {}).items():
            found.setdefault((metric, reason), []).append(column.title)
    alike: dict[tuple[str, str], list[str]] = {}
    for (metric, reason), titles in found.items():
        alike.setdefault(("; ".join(titles), reason), []).append(metric)
    lines = [
        tag("li", tag("code", ", ".join(names)), f" null ({titles}): {reason}")
        for (titles, reason), names in alike.items()
    ]
    return tag("ul", lines, class_="note") if lines else None


def _draw_spread(columns: Sequence[Column], metrics: Sequence[Metric]) -> Markup:
    plots = [plot for metric in metrics if (plot := draw_boxes(columns, metric)) is not None]
    note = (
        "Line: median, its figure at the right; box: quartiles; whiskers: 1.5 times the box at most; outliers are "
        "not drawn."
    )
    return join(tag("div", plots, class_="grid"), tag("p", note, class_="note"))


def _draw_clips(
    columns: Sequence[Column],
    metrics: Sequence[Metric],
    leading: Metric,
    device: str,
    with_pictures: bool,
    *,
    progress: Progress | None,
    notify: Callable[[LipsyncError], None],
) -> Markup:
    worst, best = clips.choose_clips(columns[0], leading)
    all_results = list({column.index: column.results for column in columns}.values())
    scenes, reason = None, None
    if with_pictures:
        try:
            scenes = open_scenes(all_results, device)
        except LipsyncError as error:
            reason = tag("p", f"No pictures: {error}", class_="note")
            notify(error)
    done, total = 0, len(worst) + len(best)
    num_clips = len(columns[0].figures(leading.name))
    parts = []
    try:
        for title, chosen in (("Worst clips" if best else "All clips, worst first", worst), ("Best clips", best)):
            parts += [tag("h3", title)] if chosen else []
            for choice in chosen:
                parts.append(clips.draw_clip(choice, columns, metrics, leading, scenes, num_clips, on_failure=notify))
                done += 1
                if progress is not None:
                    progress(done, total, "report")
    finally:
        if scenes is not None:
            scenes.__exit__(None, None, None)
    legend = [tag("li", column.swatch(), column.title) for column in columns if column.row in column.results.figures]
    by = f" of {columns[0].title}" if len(all_results) > 1 else ""
    said = f"Ranked by the mean {leading.title}{by}; the frames shown are its worst, middle and best, as scored."
    table = tag("details", tag("summary", f"All {num_clips} clips"), clips.draw_clips(columns, leading))
    return join(tag("p", said, class_="note"), reason, tag("ul", legend, class_="legend"), parts, table)


def _draw_protocol(all_results: Sequence[Results], metrics: Sequence[Metric], command: str) -> Markup:
    parts: list[Markup | None] = []
    for results in all_results:
        several = len(all_results) > 1
        parts.append(tag("h3", results.label) if several else None)
        parts.append(tables.draw_protocol(results))
        typed, version = results.protocol.get("command"), results.protocol.get("version")
        if typed:
            parts.append(tag("p", f"Scored by lipsync {version} with", class_="note"))
            parts.append(tag("pre", str(typed)))
        notes = results.protocol.get("notes")
        if isinstance(notes, list):
            parts.append(tag("ul", [tag("li", str(note)) for note in notes], class_="notes"))
    if command and command != all_results[0].protocol.get("command"):
        parts += [tag("p", f"This report was made by lipsync {__version__} with", class_="note"), tag("pre", command)]
    parts += [tag("h3", "What the metrics are"), tables.draw_definitions(metrics)]
    return join(parts)
