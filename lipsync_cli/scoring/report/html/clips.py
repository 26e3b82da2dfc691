"""The clips of a report: the worst and the best ones as pictures, curves and films, and a line for every clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_cli.errors import LipsyncError
from lipsync_cli.metrics.baselines import COPY, TRUTH
from lipsync_cli.metrics.metric import FRAME, HIGHER, Metric
from lipsync_cli.scoring.report.html.charts import draw_curves, draw_spark
from lipsync_cli.scoring.report.html.columns import Column, show_metric, show_number
from lipsync_cli.scoring.report.html.element import Markup, data_uri, tag
from lipsync_cli.scoring.report.html.embedded_media import encode_film, encode_picture
from lipsync_cli.scoring.report.replay import REAL, REFERENCE, PackScenes, Shown, VideoScenes
from lipsync_cli.scoring.results.records import Key

EACH = 3  # worst clips, and best clips
MAX_LINES = 300  # of the table of all clips
_MAX_CURVES = 4
Scenes = PackScenes | VideoScenes


@dataclass(frozen=True)
class Choice:
    """A clip that is shown.

    Attributes
    ----------
    key : the clip
    rank : 1 is the worst
    frames : its worst, middle and best frame by the leading metric
    """

    key: Key
    rank: int
    frames: list[int]


def rank_clips(column: Column, metric: Metric) -> list[Key]:
    """Order the clips by the mean of a metric, the worst first."""
    means = {key: float(figures.values.mean()) for key, figures in column.figures(metric.name).items()}
    return sorted(means, key=lambda key: means[key] if metric.direction == HIGHER else -means[key])


def choose_clips(column: Column, metric: Metric) -> tuple[list[Choice], list[Choice]]:
    """Choose the worst and the best clips; every clip is shown once, and of few clips all are worst ones."""
    ranked = rank_clips(column, metric)
    worst = ranked[:EACH] if len(ranked) > EACH else ranked
    best = [key for key in reversed(ranked) if key not in worst][:EACH]

    def choose(keys: list[Key]) -> list[Choice]:
        return [Choice(key, ranked.index(key) + 1, _choose_frames(column, metric, key)) for key in keys]

    return choose(worst), choose(best)


def draw_clip(
    choice: Choice,
    columns: Sequence[Column],
    metrics: Sequence[Metric],
    leading: Metric,
    scenes: Scenes | None,
    num_clips: int,
    *,
    on_failure: Callable[[LipsyncError], None],
) -> Markup:
    """Show one clip: three frames in every column, the film with its sound, and the curves."""
    speaker, name = choice.key
    first = columns[0]
    mean = float(first.figures(leading.name)[choice.key].values.mean())
    about = f"{show_number(mean, leading)} {leading.unit}, {_ordinal(choice.rank)} of {num_clips} from below"
    if leading.direction != HIGHER:
        about = f"{show_number(mean, leading)} {leading.unit}, {_ordinal(choice.rank)} of {num_clips} from the worst"
    head = tag("h4", f"{speaker} / {name}" if speaker else name, tag("span", about, class_="about"))
    pictures: list[Markup | None] = []
    if scenes is not None:
        for draw in (_draw_sheet, _draw_film):
            try:
                pictures.append(draw(choice, columns, leading, scenes))
            except LipsyncError as error:
                on_failure(error)
                pictures.append(tag("p", f"No pictures: {error}", class_="note"))
    curves = [draw_curves(columns, metric, choice.key, choice.frames) for metric in _choose_curves(columns, metrics)]
    return tag(
        "article",
        head,
        tag("div", tag("div", pictures), tag("div", curves, class_="strip"), class_="pair"),
        class_="clip wide" if sum(column.is_scored for column in columns) > 1 else "clip",
    )


def draw_clips(columns: Sequence[Column], metric: Metric) -> Markup:
    """Make the table of all clips, the worst first, each with its curve."""
    first = columns[0]
    ranked = rank_clips(first, metric)[:MAX_LINES]
    values = first.values(metric.name)
    low, high = (float(edge) for edge in np.percentile(values, (0.5, 99.5)))
    shown = [column for column in columns if column.figures(metric.name)]
    lines = []
    for rank, key in enumerate(ranked, 1):
        cells = []
        for column in shown:
            figures = column.figures(metric.name).get(key)
            cells.append(tag("td", "" if figures is None else show_number(float(figures.values.mean()), metric)))
        curve = tag("td", draw_spark(first, metric, key, low, high), class_="curve")
        names = tag("th", f"{key[0]} / {key[1]}" if key[0] else key[1], scope="row")
        lines.append(tag("tr", tag("td", str(rank), class_="rank"), names, cells, curve))
    heads = [tag("th", column.swatch(), column.title, scope="col") for column in shown]
    over_time = tag("th", f"{first.title} over time", scope="col") if metric.per == FRAME else tag("td")
    head = tag("thead", tag("tr", tag("td"), tag("th", "clip", scope="col"), heads, over_time))
    table = tag("table", tag("caption", show_metric(metric)), head, tag("tbody", lines), class_="figures clips")
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label="All clips")


def _draw_sheet(choice: Choice, columns: Sequence[Column], leading: Metric, scenes: Scenes) -> Markup:
    shots = scenes.take_shots(choice.key, choice.frames)
    shown = _order(columns, shots)
    has_model = any(column.figures(leading.name) for _, _, column in shown if column is not None)
    heads = [tag("th", title, scope="col") for _, title, _ in shown]
    lines = []
    for place, (word, frame) in enumerate(zip(_words(len(choice.frames)), choice.frames, strict=True)):
        cells = []
        for at, title, column in shown:
            figure = None if column is None or not has_model else _figure_at(column, leading, choice.key, frame)
            caption = None if figure is None else show_number(figure, leading)
            words = f"{title}, frame {frame} of {choice.key[1]}"
            picture = shots[at][place]
            image = tag(
                "img",
                src=data_uri("image/webp", encode_picture(picture)),
                alt=words,
                width=picture.shape[1],
                height=picture.shape[0],
            )
            cells.append(tag("td", image, tag("span", caption, class_="interval") if caption else None))
        lines.append(tag("tr", tag("th", word, tag("br"), tag("span", f"frame {frame}"), scope="row"), cells))
    table = tag("table", tag("thead", tag("tr", tag("td"), heads)), tag("tbody", lines), class_="sheet")
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=f"Frames of {choice.key[1]}")


def _draw_film(choice: Choice, columns: Sequence[Column], leading: Metric, scenes: Scenes) -> Markup:
    first = min(
        (int(of.frame[0]) for c in columns[:1] if (of := c.figures(leading.name)[choice.key]).frame is not None),
        default=0,
    )
    film = scenes.shoot_film(choice.key, first)
    names = [title for _, title, _ in _order(columns, film.tiles)]
    order = [at for at, _, _ in _order(columns, film.tiles)]
    content = encode_film(film, [(at, "real" if at == REAL else "generated") for at in order])
    words = "; ".join(names)
    video = tag(
        "video",
        src=data_uri("video/mp4", content),
        controls=True,
        loop=True,
        playsinline=True,
        preload="metadata",
        aria_label=f"{choice.key[1]} side by side: {words}",
    )
    return tag("figure", video, tag("figcaption", f"From left to right: {words}. Sound: {film.sound}."), class_="film")


def _order(columns: Sequence[Column], there: dict[Shown, np.ndarray]) -> list[tuple[Shown, str, Column | None]]:
    """Put pictures in the order reference, real, models, mismatched audio."""
    order: list[tuple[Shown, str, Column | None]] = []
    copies = next((column for column in columns if column.row == COPY), None)
    if REFERENCE in there:
        order.append((REFERENCE, "reference", copies))
    if REAL in there:
        order.append((REAL, "real", None))
    for column in columns:
        if (column.index, column.row) in there and column.row not in (COPY, TRUTH):
            order.append(((column.index, column.row), column.title, column))
    return order


def _choose_frames(column: Column, metric: Metric, key: Key) -> list[int]:
    figures = column.figures(metric.name)[key]
    if figures.frame is None:
        return []
    order = np.argsort(figures.values if metric.direction == HIGHER else -figures.values, kind="stable")
    chosen = dict.fromkeys(int(figures.frame[order[place]]) for place in (0, len(order) // 2, -1))
    return list(chosen)


def _choose_curves(columns: Sequence[Column], metrics: Sequence[Metric]) -> list[Metric]:
    """Choose metrics of frames: the first of every group, then the others, as many as there is room for."""
    there = [metric for metric in metrics if metric.per == FRAME and columns[0].figures(metric.name)]
    first = {metric.group: metric for metric in reversed(there)}
    ranked = sorted(there, key=lambda metric: first[metric.group] is not metric)[:_MAX_CURVES]
    return [metric for metric in there if metric in ranked]


def _figure_at(column: Column, metric: Metric, key: Key, frame: int) -> float | None:
    figures = column.figures(metric.name).get(key)
    if figures is None or figures.frame is None:
        return None
    places = np.flatnonzero(figures.frame == frame)
    return float(figures.values[places[0]]) if len(places) else None


def _words(count: int) -> tuple[str, ...]:
    return ("worst", "middle", "best") if count == 3 else ("worst", "best") if count == 2 else ("",) * count


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
