"""Scores for people and for programs: a text table and JSON Lines."""

from __future__ import annotations

import json
from typing import Any

from lipsync_cli.scoring.metrics.reconstruction import MAX_PSNR_DB
from lipsync_cli.scoring.scores import ALL, Scores, Statistics

TITLES = {
    "mouth_psnr": "PSNR of the mouth (dB)",
    "mouth_ssim": "SSIM of the mouth",
    "crop_psnr": "PSNR of the crop (dB)",
    "crop_ssim": "SSIM of the crop",
    "frame_psnr": "PSNR of the frame (dB)",
    "frame_ssim": "SSIM of the frame",
}
ROW_TITLES = {"wrong_audio": "wrong audio", "ground_truth": "ground truth"}
DEFINITIONS = {
    "psnr": f"dB over RGB pixels of 8 bits, peak 255; identical images score {MAX_PSNR_DB:g}",
    "ssim": "Gaussian window 11 x 11, sigma 1.5, peak 255, mean over RGB and whole windows (Wang et al. 2004)",
    "interval": "95 % confidence interval of the mean, bootstrap over clips",
}
_COLUMNS = ("mean", "95 % interval", "median", "max", "min")


def title_of(name: str) -> str:
    """Spell out the name of a row or of a difference of rows."""
    for row, title in ROW_TITLES.items():
        name = name.replace(row, title)
    return name


def make_records(scores: Scores) -> list[dict[str, Any]]:
    """Give scores as JSON-able records, one a line of a JSON Lines file.

    Returns
    -------
    one record of kind "protocol" (what was compared, definitions, notes), one of kind "summary" for each group, row or
    difference and metric, and one of kind "clip" for each clip and row
    """
    records: list[dict[str, Any]] = [
        {"kind": "protocol", **scores.facts, "definitions": DEFINITIONS, "notes": scores.notes}
    ]
    for group, names in scores.summary().items():
        for name, metrics in names.items():
            for metric, statistics in metrics.items():
                about = {"kind": "summary", "group": group, "row": name, "metric": metric}
                records.append(about | round_statistics(statistics))
    records.extend({"kind": "clip", **means} for means in scores.clip_means())
    return records


def make_summary(scores: Scores) -> dict[str, Any]:
    """Give the summary as one JSON-able object: what was compared, and group -> row -> metric -> statistics."""
    groups = {
        group: {
            name: {metric: round_statistics(statistics) for metric, statistics in metrics.items()}
            for name, metrics in names.items()
        }
        for group, names in scores.summary().items()
    }
    return {**scores.facts, "notes": scores.notes, "groups": groups}


def round_statistics(statistics: Statistics) -> dict[str, Any]:
    """Give statistics as a dictionary with four digits."""
    return {
        name: round(value, 4) + 0.0 if isinstance(value, float) else value
        for name, value in statistics._asdict().items()
    }


def make_lines(records: list[dict[str, Any]]) -> str:
    """Write records as JSON Lines."""
    return "".join(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records)


def make_table(scores: Scores, heading: str) -> str:
    """Write scores as a text table: the statistics of the thesis for all frames, then the means of each speaker."""
    summary = scores.summary()
    overall = summary[ALL]
    names = list(overall)
    width = max(len(title_of(name)) for name in names) + 2
    some = overall[names[0]][scores.metrics[0]]
    of = f"{some.frames} frames of {some.clips} clips" if some.clips > 1 else f"{some.frames} frames"
    lines = [heading, of]
    for metric in scores.metrics:
        digits = 2 if metric.endswith("psnr") else 4
        lines += ["", TITLES[metric], " " * width + "".join(f"{column:>{_width(column)}}" for column in _COLUMNS)]
        lines += [_line(title_of(name), overall[name][metric], width, digits, "-" in name) for name in names]
    if len(summary) > 1:
        lines += ["", *_speaker_lines(scores, summary)]
    return "\n".join([*lines, "", *(f"{name}: {text}" for name, text in DEFINITIONS.items()), *scores.notes])


def _line(title: str, statistics: Statistics, width: int, digits: int, is_difference: bool) -> str:
    sign = "+" if is_difference else ""

    def number(value: float) -> str:
        return f"{round(value, digits) + 0.0:{sign}.{digits}f}"  # no minus before zero

    interval = "" if statistics.low is None else f"{number(statistics.low)} .. {number(statistics.high or 0.0)}"
    cells = (
        number(statistics.mean),
        interval,
        *(number(v) for v in (statistics.median, statistics.max, statistics.min)),
    )
    padded = (f"{cell:>{_width(column)}}" for cell, column in zip(cells, _COLUMNS, strict=True))
    return f"  {title:<{width - 2}}" + "".join(padded)


def _width(column: str) -> int:
    return 20 if column == "95 % interval" else 10


def _speaker_lines(scores: Scores, summary: dict[str, dict[str, dict[str, Statistics]]]) -> list[str]:
    first = next(iter(scores.rows))
    columns = [(TITLES[metric], first, metric) for metric in scores.metrics]
    mouth = scores.metrics[0]
    columns += [(f"{title_of(f'{a} - {b}')}", f"{a} - {b}", mouth) for a, b in scores.differences]
    lines = [f"Means of each speaker, row {first}; differences are of the {TITLES[mouth]}", ""]
    width = max(len(group) for group in summary) + 2
    heads = [f"{title:>{len(title) + 3}}" for title, _, _ in columns]
    lines.append(" " * width + "  clips" + "".join(heads))
    for group, names in summary.items():
        cells = []
        for head, (_, name, metric) in zip(heads, columns, strict=True):
            digits = 2 if metric.endswith("psnr") else 4
            sign = "+" if " - " in name else ""
            value = round(names[name][metric].mean, digits) + 0.0
            cells.append(f"{value:>{sign}{len(head)}.{digits}f}")
        lines.append(f"{group:<{width}}{names[first][mouth].clips:>7}" + "".join(cells))
    return lines
