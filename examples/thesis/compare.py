"""Several results of `lipsync score` side by side: a table and box plots, each with the control rows.

    python compare.py OUT runs/lipgan/scores/scores.jsonl runs/wgan-gp/scores/scores.jsonl ...

writes OUT/table.md and OUT/boxes.png.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

METRICS = {"crop_ssim": "SSIM", "crop_psnr": "PSNR (dB)", "mouth_ssim": "mouth SSIM", "mouth_psnr": "mouth PSNR (dB)"}
CONTROL = "copy"
AUDIO_GAP = "model - wrong_audio"

Records = list[dict[str, Any]]


def main() -> None:
    out, paths = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    results = {path.parent.parent.name: read(path) for path in paths}
    (out / "table.md").write_text(make_table(results))
    plot(results, out / "boxes.png")
    sys.stdout.write(f"{out / 'table.md'}\n{out / 'boxes.png'}\n")


def read(path: Path) -> Records:
    return [json.loads(line) for line in path.read_text().splitlines()]


def find(records: Records, row: str, metric: str) -> dict[str, Any]:
    return next(
        r
        for r in records
        if r["kind"] == "summary" and r["group"] == "all" and (r["row"], r["metric"]) == (row, metric)
    )


def make_table(results: dict[str, Records]) -> str:
    """Mean / median / max / min, as the thesis has them, and what the right speech is worth."""
    lines = ["| |" + "".join(f" {title} |" for title in METRICS.values()) + " right over wrong audio, mouth (dB) |"]
    lines.append("|---|" + "---|" * (len(METRICS) + 1))
    first = next(iter(results.values()))
    rows = {"copy the reference": (first, CONTROL), **{name: (records, "model") for name, records in results.items()}}
    for name, (records, row) in rows.items():
        cells = []
        for metric in METRICS:
            digits = 2 if metric.endswith("psnr") else 4
            values = find(records, row, metric)
            cells.append(" / ".join(f"{values[key]:.{digits}f}" for key in ("mean", "median", "max", "min")))
        gap = f"{find(records, AUDIO_GAP, 'mouth_psnr')['mean']:+.2f}" if row == "model" else ""
        lines.append(f"| {name} | " + " | ".join([*cells, gap]) + " |")
    return "\n".join([*lines, "", "Mean / median / max / min over the test clips' frames.", ""])


def plot(results: dict[str, Records], path: Path) -> None:
    """Draw a box of clip means for each run and metric, without outliers; the line is the copied reference's median."""
    figure = Figure((max(6, 1.8 + 0.9 * len(results)), 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (metric, title) in zip(figure.subplots(4, 1, sharex=True), METRICS.items(), strict=True):
        values = [clip_means(records, "model", metric) for records in results.values()]
        axes.boxplot(values, showfliers=False)
        copied = sorted(clip_means(next(iter(results.values())), CONTROL, metric))
        axes.axhline(copied[len(copied) // 2], color="grey", linestyle="--", linewidth=1)
        axes.set_ylabel(title)
    axes.set_xticks(range(1, len(results) + 1), list(results), rotation=30, ha="right")
    figure.suptitle("clip means on the test clips; dashed: copying the reference")
    figure.savefig(path)


def clip_means(records: Records, row: str, metric: str) -> list[float]:
    return [r[metric] for r in records if r["kind"] == "clip" and r["row"] == row]


if __name__ == "__main__":
    main()
