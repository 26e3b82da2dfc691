"""Several results of `lipsync score` side by side: the thesis's tables and box plots, each with the baselines.

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
FRECHET = {"crop_frechet_dlib": "of dlib's face features", "crop_fid": "FID"}
CONTROL, MISMATCHED, TRUTH = "copy", "wrong_audio", "ground_truth"
AUDIO_GAP = f"model - {MISMATCHED}"
KEYS = "kind", "group", "row", "metric"

Records = list[dict[str, Any]]


def main() -> None:
    out, paths = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    results = {path.parent.parent.name: read(path) for path in paths}
    (out / "table.md").write_text(make_tables(results))
    plot(results, out / "boxes.png")
    sys.stdout.write(f"{out / 'table.md'}\n{out / 'boxes.png'}\n")


def read(path: Path) -> Records:
    return [json.loads(line) for line in path.read_text().splitlines()]


def find(records: Records, row: str, metric: str) -> dict[str, Any] | None:
    """Give a row's statistics over all clips; None if there are none."""
    wanted = "summary", "all", row, metric
    found = (r for r in records if tuple(r.get(key) for key in KEYS) == wanted)
    return next((r for r in found if r["mean"] is not None), None)


def make_tables(results: dict[str, Records]) -> str:
    """Write the thesis's tables 7.1 to 7.3: SSIM, PSNR, Frechet distances; each with its baselines and intervals."""
    first = next(iter(results.values()))
    protocol = first[0]
    lines = [f"{protocol['frames']} frames of {protocol['clips']} clips. In brackets the 95 % interval of the mean."]
    for number, name, digits in ((1, "SSIM", 4), (2, "PSNR", 2)):
        metrics = f"crop_{name.lower()}", f"mouth_{name.lower()}"
        heads = [f"{METRICS[metric]}: mean / median / max / min" for metric in metrics]
        heads += [f"{METRICS[metrics[1]]}, wrong audio", "right over wrong audio, mouth"]
        lines += ["", f"**Table 7.{number}, {name}**", "", "| |" + "".join(f" {head} |" for head in heads)]
        lines += ["|---|" + "---|" * len(heads)]
        for title, records, row in _rows(results):
            cells = [_show(find(records, row, metric), digits, True) for metric in metrics]
            is_model = row == "model"
            cells += [_show(find(records, MISMATCHED, metrics[1]), digits) if is_model else ""]
            cells += [_show(find(records, AUDIO_GAP, metrics[1]), digits, sign="+") if is_model else ""]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    there = [metric for metric in FRECHET if any(find(records, "model", metric) for records in results.values())]
    if there:
        heads = [FRECHET[metric] + with_what for metric in there for with_what in ("", ", wrong audio")]
        lines += ["", "**Table 7.3, Frechet distances of the crops**", "", "| |" + "".join(f" {h} |" for h in heads)]
        lines += ["|---|" + "---|" * len(heads)]
        for title, records, row in _rows(results):
            if not any(find(records, row, metric) for metric in there):
                continue
            pairs = [(find(records, row, m), find(records, MISMATCHED, m) if row == "model" else None) for m in there]
            lines.append(f"| {title} | " + " | ".join(_show(of, 4) for pair in pairs for of in pair) + " |")
    return "\n".join([*lines, ""])


def _rows(results: dict[str, Records]) -> list[tuple[str, Records, str]]:
    """Title, records and row of each line: the runs between two controls, of the run that has most figures."""
    fullest = max(results.values(), key=lambda records: sum(bool(find(records, CONTROL, m)) for m in FRECHET))
    models = [(name, records, "model") for name, records in results.items()]
    return [("copy the reference", fullest, CONTROL), *models, ("ground truth", fullest, TRUTH)]


def _show(found: dict[str, Any] | None, digits: int, with_spread: bool = False, sign: str = "") -> str:
    if found is None:
        return ""
    text = f"{found['mean']:{sign}.{digits}f}"
    if found.get("low") is not None and found["low"] != found["high"]:
        text += f" ({found['low']:{sign}.{digits}f} to {found['high']:{sign}.{digits}f})"
    if with_spread:
        text += "".join(f" / {found[name]:.{digits}f}" for name in ("median", "max", "min"))
    return text


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
