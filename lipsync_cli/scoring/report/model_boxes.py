"""Box plots over the frames of several models in one picture, beside the baselines: 7.14 to 7.16 of the thesis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.baselines import COPY, MISMATCHED
from lipsync_cli.metrics.metric import FRAME
from lipsync_cli.scoring.report.plots import GRID, INK, ROW_COLOURS, make_figure
from lipsync_cli.scoring.report.text_table import title_of, title_of_metric

if TYPE_CHECKING:
    from lipsync_cli.scoring.results.records import Results

# 7.14, 7.15, the same of the mouth, and where it was measured what 7.16 shows: artefacts at the eyes
METRICS = ("crop_ssim", "crop_psnr", "mouth_ssim", "mouth_psnr", "upper_face_change")


def plot_models(results: Sequence[Results], path: Path) -> None:
    """Draw a box for each model over all its frames, the same with mismatched audio, and copy-reference first.

    Parameters
    ----------
    results : of models on the same clips; copy-reference is that of the first that has it
    path : the PNG that is written

    Raises
    ------
    NothingToDoError : no SSIM and no PSNR of frames was kept
    """
    from matplotlib.patches import Patch

    shown = {name: boxes for name in METRICS if (boxes := collect_boxes(results, name))}
    if not shown:
        hint = "score with --metrics reconstruction"
        raise NothingToDoError("these scores have no SSIM or PSNR of frames", results[0].path, hint)
    most = max(map(len, shown.values()))
    lines = -(-len(shown) // 2)
    figure = make_figure(max(4.0, 1.2 + 0.62 * most) * min(2, len(shown)), 3.4 * lines + 0.6)
    axes = figure.subplots(lines, min(2, len(shown)), squeeze=False).ravel()
    for axis, (name, boxes) in zip(axes, shown.items(), strict=False):
        metric = next(one.metrics[name] for one in results if name in one.metrics)
        drawn = axis.boxplot(
            [values for _, _, values in boxes],
            widths=0.66,
            showfliers=False,
            patch_artist=True,
            medianprops={"color": INK, "linewidth": 1.8},
        )
        for box, (_, row, _) in zip(drawn["boxes"], boxes, strict=True):
            box.set(facecolor=ROW_COLOURS[row], edgecolor=INK, linewidth=0.7)
        for _, row, values in boxes:
            if row == COPY:
                axis.axhline(np.median(values), color=ROW_COLOURS[COPY], linestyle="--", linewidth=1.2)
        names = [name for name, _, _ in boxes]
        places = {name: np.mean([place for place, one in enumerate(names, 1) if one == name]) for name in names}
        axis.set_xticks(list(places.values()), list(places), rotation=25, ha="right")
        axis.set_title(title_of_metric(metric), loc="left", fontsize=10, color=INK)
        axis.tick_params(length=0, labelcolor=INK, labelsize=8)
        axis.set_axisbelow(True)
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    count = max(len(values) for boxes in shown.values() for _, _, values in boxes)
    heading = (
        f"{count} frames. Line: median; box: quartiles; whiskers: 1.5 times the box at most; no outliers.\n"
        "Dashed: the median of copying the reference"
    )
    figure.suptitle(heading, x=0.01, ha="left", fontsize=8, color=INK)
    rows = dict.fromkeys(row for boxes in shown.values() for _, row, _ in boxes)
    handles = [Patch(facecolor=ROW_COLOURS[row], edgecolor=INK, label=title_of(row)) for row in rows]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    figure.savefig(path)


def collect_boxes(results: Sequence[Results], metric: str) -> list[tuple[str, str, np.ndarray]]:
    """Give the model's name, the row, and the figures of all frames, shape (k,), of each box of a metric."""
    boxes = []
    copied = next((values for one in results if len(values := _frames_of(one, COPY, metric))), None)
    if copied is not None:
        boxes.append((title_of(COPY), COPY, copied))
    for one in results:
        for row in (one.scored_row, MISMATCHED):
            if len(values := _frames_of(one, row, metric)):
                boxes.append((one.label, row, values))
    return boxes if any(row != COPY for _, row, _ in boxes) else []


def _frames_of(results: Results, row: str, metric: str) -> np.ndarray:
    """Give a metric's figures of all frames of all clips: shape (k,), k = 0 where there are none."""
    if metric not in results.metrics or results.metrics[metric].per != FRAME:
        return np.zeros(0)
    found = [figures.values for figures in results.figures.get(row, {}).get(metric, {}).values()]
    return np.concatenate(found) if found else np.zeros(0)
