"""What the transforms of `lipsync train --augment` are worth to people never seen, in colour and in grey.

    python ablation.py grid.h5 OUT runs/none runs/standard ...

judges each run on the test clips of the speakers that have no training clip, as they are and with their colours taken
out (as if the face came from a grey photo), and writes OUT/ablation.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.training.evaluators.validation import validate

COLUMNS = {
    "model/mouth_psnr": "mouth PSNR (dB)",
    "over_copy_db": "over copy",
    "over_wrong_audio_db": "over wrong audio",
}
FRAMES_PER_CLIP = 75
LUMA = np.array([0.299, 0.587, 0.114])


class GreyPack:
    """A pack whose crops have lost their colours."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack

    def read_crops(self, frames: np.ndarray) -> np.ndarray:
        """Read crops: shape (n, S, S, 3), uint8 RGB."""
        grey = (self.pack.read_crops(frames) @ LUMA).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, 3)


def main() -> None:
    pack_path, out, runs = Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]]
    heads = [title + suffix for suffix in ("", ", grey") for title in COLUMNS.values()]
    lines = ["| trained with |" + "".join(f" {head} |" for head in heads), "|---|" + "---|" * len(heads)]
    with Pack(pack_path) as pack:
        table = FrameTable(pack, "test")
        draw = draw_strangers(pack, table)
        for run in runs:
            generator, _ = load_weights(run)
            cells, copies = [], []
            for crops in (pack, GreyPack(pack)):
                figures = validate(generator, crops, table, draw, pack.crop_rule.mouth_region(), "cpu")
                cells += [f"{figures[name]:{'' if name.startswith('model') else '+'}.2f}" for name in COLUMNS]
                copies += [f"{figures['copy/mouth_psnr']:.2f}", "", ""]
            if run is runs[0]:
                lines.append("| copy the reference | " + " | ".join(copies) + " |")
            lines.append(f"| {run.name} | " + " | ".join(cells) + " |")
    lines += ["", f"{len(draw.target)} frames of {len(set(table.clip_of[draw.target]))} clips."]
    (out / "ablation.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write(f"{out / 'ablation.md'}\n")


def draw_strangers(pack: Pack, table: FrameTable) -> Draw:
    """Draw the frames of the test clips whose speakers have no training clip."""
    clips = pack.clips
    seen = set(clips["speaker"][clips["split"] == clips["split"].dtype.type("train")])
    draw = table.draw_evaluation(FRAMES_PER_CLIP)
    strange = [clips["speaker"][row] not in seen for row in table.clip_of[draw.target]]
    if not any(strange):
        raise SystemExit("every speaker of the test clips was trained on: pack with --hold-out SPEAKER")
    return Draw(*(frames[strange] for frames in draw))


if __name__ == "__main__":
    main()
