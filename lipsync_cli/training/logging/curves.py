"""The log as a picture: losses beside chance levels, figures beside baselines, gradients, diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.training.logging.run_log import read_log

CHANCE, NORM = "/chance", "/gradient_norm"
_TITLES = {
    "crop_psnr": "PSNR of the crop (dB)",
    "mouth_psnr": "PSNR of the mouth (dB)",
    "crop_ssim": "SSIM of the crop",
    "mouth_ssim": "SSIM of the mouth",
    "mouth_variation": "variation of the mouth over samples (levels of 255)",
    "audio_variation": "variation of the mouth over speech (levels of 255)",
}
_OVER = "better than the baselines at the mouth (dB)"
_ORDER = ("model", "copy", "wrong_audio", "truth", "training_batch")  # colours by row, the same in every panel
COLOURS = ("#2f7fb8", "#d9a514", "#c2553a", "#4b9b6e", "#7d6bb0", "#8a8f98", "#b0609a", "#333333")
_INK, _GRID = "#222222", "#dddddd"
_PANEL = 6.4, 2.8  # width and height with its margins, in inches
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.65, 0.15, 0.3, 0.45  # margins of a panel, in inches: to measure its words takes longer

Panel = dict[str, list[tuple[int, float]]]


def plot_curves(log: Path, path: Path) -> None:
    """Draw the log of a run as PNG; nothing is drawn where nothing was logged."""
    lines = read_log(log)
    panels = collect_panels(lines)
    if not panels:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 2
    rows = -(-len(panels) // columns)
    width, height = _PANEL[0] * columns, _PANEL[1] * rows
    figure = Figure((width, height), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.subplots_adjust(
        left=_LEFT / width,
        right=1 - _RIGHT / width,
        bottom=_BOTTOM / height,
        top=1 - _TOP / height,
        wspace=(_LEFT + _RIGHT) / (_PANEL[0] - _LEFT - _RIGHT),
        hspace=(_TOP + _BOTTOM) / (_PANEL[1] - _TOP - _BOTTOM),
    )
    marks = [line["samples"] for line in lines if line["kind"] == "diagnostic"]
    for axis, (title, panel) in zip(axes, panels.items(), strict=False):
        draw_panel(axis, title, panel, marks)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    with atomic_output(path, force=True) as temporary:
        figure.savefig(temporary, format="png")


def collect_panels(lines: list[dict[str, Any]]) -> dict[str, Panel]:
    """Sort what was logged into panels: title -> curve -> (samples, value).

    Losses of each network, gradient norms of each network, then one panel for each validated metric with a curve for
    each row, and one for the differences of rows.
    """
    panels: dict[str, Panel] = {}
    for line in lines:
        for name, value in line.items():
            if name in ("kind", "samples") or not isinstance(value, int | float):
                continue
            title, curve = _place(line["kind"], name)
            panels.setdefault(title, {}).setdefault(curve, []).append((line["samples"], value))
    order = ("loss", "gradient")
    return dict(sorted(panels.items(), key=lambda item: next((i for i, w in enumerate(order) if w in item[0]), 9)))


def _place(kind: str, name: str) -> tuple[str, str]:
    if kind == "train" and not name.startswith("training_batch/"):
        group, _, term = name.partition("/")
        if name.endswith(NORM) or term == "gradient_norm":
            return f"gradient norm, {group}", term.removesuffix(
                NORM
            ) if term != "gradient_norm" else "all, before clipping"
        return f"loss, {group}", term
    row, slash, metric = name.partition("/")
    if not slash:
        return (_OVER if name.startswith("over_") else name), name.removeprefix("over_").removesuffix("_db")
    return (_TITLES.get(metric, metric), row) if row in _ORDER else (row, metric)


def draw_panel(
    axis: Any, title: str, panel: Panel, marks: Sequence[int] = (), colours: Mapping[str, str] | None = None
) -> None:
    """Draw one panel.

    Parameters
    ----------
    marks : samples at which a diagnostic was said
    colours : of the curves by name; None: by row, or by place
    """
    curves = [name for name in panel if not name.endswith(CHANCE)]
    for index, name in enumerate(curves):
        place = _ORDER.index(name) if name in _ORDER else index
        colour = COLOURS[place % len(COLOURS)] if colours is None else colours[name]
        samples, values = zip(*panel[name], strict=True)
        marker = "o" if len(samples) < 30 else None
        axis.plot(
            samples,
            values,
            color=colour,
            label=name if colours else name.replace("_", " "),
            linewidth=1.3,
            marker=marker,
            markersize=3,
        )
        if (level := panel.get(name + CHANCE)) is not None:
            axis.axhline(level[-1][1], color=colour, linewidth=0.8, linestyle="--", label=f"{name}: chance")
    for place in marks:
        axis.axvline(place, color="#c2553a", linewidth=0.7, linestyle=":")
    every = [value for name in curves for _, value in panel[name]]
    if title.startswith(("loss", "gradient")) and min(every) > 0 and max(every) > 20 * min(every):
        axis.set_yscale("log")
    axis.set_title(title, loc="left", fontsize=9, color=_INK)
    axis.set_xlabel("samples", fontsize=8, color=_INK)
    axis.tick_params(length=0, labelcolor=_INK, labelsize=8)
    axis.grid(color=_GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7, frameon=False, ncols=2)
