"""Print the tables of experiments and model cards from what `lipsync score` wrote: one for each speaker.

lipsync score grid.h5 --weights runs/x -o x.jsonl
python docs/make_results.py x.jsonl [SPEAKER ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROWS = {
    "model": "model",
    "copy": "copy-reference",
    "wrong_audio": "mismatched audio",
    "ground_truth": "ground truth",
}
HEADS = {
    "mouth_psnr": "mouth PSNR mean / median / max / min (dB)",
    "mouth_ssim": "mouth SSIM",
    "crop_psnr": "crop PSNR (dB)",
    "crop_ssim": "crop SSIM",
}
Figures = dict[tuple[str, str], dict[str, Any]]


def main() -> None:
    """Print the tables of the report that is named."""
    records = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    speakers = sorted({record["speaker"] for record in records if record["kind"] == "clip"})
    wanted = sys.argv[2:] or (speakers if len(speakers) > 1 else ["all"])
    sys.stdout.write("\n\n".join(make_table(records, speaker) for speaker in wanted) + "\n")


def make_table(records: list[dict[str, Any]], group: str) -> str:
    """Write the table of one speaker, or of "all"."""
    of: Figures = {
        (record["row"], record["metric"]): record
        for record in records
        if record["kind"] == "summary" and record["group"] == group and record["mean"] is not None
    }
    first = of["model", "mouth_psnr"]
    clips = "1 clip" if first["clips"] == 1 else f"{first['clips']} clips"
    gains = [_show(of[f"model - {row}", "mouth_psnr"], 2, "+", " dB") for row in ("copy", "wrong_audio")]
    brackets = "" if first["low"] is None else " In brackets the 95 % interval of the mean, over clips."
    lines = [
        f"{group}: {first['frames']} frames of {clips}. Model over copy-reference {gains[0]}, "
        f"over mismatched audio {gains[1]} (mouth PSNR).{brackets}",
        "",
        "| | " + " | ".join(HEADS.values()) + " |",
        "|---|" + "---|" * len(HEADS),
    ]
    for row, title in ROWS.items():
        cells = []
        for metric in HEADS:
            figures = of[row, metric]
            digits = 2 if metric.endswith("psnr") else 4
            spread = "".join(f" / {figures[name]:.{digits}f}" for name in ("median", "max", "min"))
            cells.append(_show(figures, digits) + (spread if metric == "mouth_psnr" else ""))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _show(figures: dict[str, Any], digits: int, sign: str = "", unit: str = "") -> str:
    text = f"{figures['mean']:{sign}.{digits}f}{unit}"
    if figures["low"] is None or figures["low"] == figures["high"]:
        return text
    return f"{text} ({figures['low']:{sign}.{digits}f} to {figures['high']:{sign}.{digits}f})"


if __name__ == "__main__":
    main()
