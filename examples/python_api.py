"""Lipsync from Python: make a face speak, and measure how close that is to the real video.

    python python_api.py out.mp4

A man says his own words again: what the package draws is compared with what he really did.
"""

import sys
from pathlib import Path

import lipsync_cli as lipsync

CLIP = Path(__file__).resolve().parent / "clips" / "s1" / "swwv8p.mp4"


def main(output: Path) -> None:
    try:
        made = lipsync.infer(CLIP, CLIP, output, notify=sys.stderr.write)
        found = lipsync.score(output, CLIP, metrics="mouth_psnr,mouth_ssim")
    except lipsync.LipsyncError as error:  # the file, the fact, the next step
        sys.exit(f"{error}")
    figures = found.means["output"]
    sys.stdout.write(f"{made.output}: {made.num_frames} frames, weights {made.weights}\n")
    sys.stdout.write(f"mouth PSNR {figures['mouth_psnr']:.1f} dB, SSIM {figures['mouth_ssim']:.3f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
