"""How long the thesis's training takes: 20 epochs of each recipe, at the speed of its GPU.

python hours.py grid.h5 lipgan wgan-gp ...
"""

from __future__ import annotations

import sys
from pathlib import Path

from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.formats.pack_file import Pack

EPOCHS = 20
SAMPLES_PER_SECOND = 105_000 * 128 / 86_400  # LipGAN on an RTX 2080 Ti: 105,000 steps of 128 in a day (the thesis, 7.1)


def main() -> None:
    pack_path, recipes = Path(sys.argv[1]), sys.argv[2:]
    with Pack(pack_path) as pack:
        frames = int(FrameTable(pack, "train").num_frames.sum())
    hours = EPOCHS * frames / SAMPLES_PER_SECOND / 3600
    sys.stdout.write(
        f"{len(recipes)} recipes, {EPOCHS} epochs of {frames} frames: {hours:.1f} hours each, "
        f"{hours * len(recipes):.1f} hours in all, at the {SAMPLES_PER_SECOND:.0f} samples/s of the thesis's GPU\n"
    )


if __name__ == "__main__":
    main()
