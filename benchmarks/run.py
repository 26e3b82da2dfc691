"""Run the benchmarks of speed, one after the other, and print a table of what they measured.

Not among them: `real_clips.py` and `strangers.py`, of quality, which need films of people, and `wav2lip.py`, which
needs a checkout.
Each prints one JSON object on its last line of stdout: its figures, with `ratio` against the naive way in the
same run where there is one.

Usage: python benchmarks/run.py [NAME ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = "preprocess", "detect_faces", "batches", "train", "infer", "messages"


def run(script: Path) -> dict[str, object]:
    """Run one script and return the JSON object it printed, or what went wrong."""
    result = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    lines = result.stdout.strip().splitlines()
    if result.returncode != 0 or not lines:
        return {"benchmark": script.stem, "failed": f"exit code {result.returncode}"}
    return {"benchmark": script.stem, **json.loads(lines[-1])}


def main() -> int:
    """Run the named benchmarks, or all of them."""
    names = sys.argv[1:] or NAMES
    if unknown := set(names) - set(NAMES):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        figures = run(HERE / f"{name}.py")
        failed += "failed" in figures
        print(json.dumps(figures), file=sys.stderr, flush=True)
        print(figures.pop("benchmark"))
        for key, value in figures.items():
            print(f"  {key:<28} {value:.4g}" if isinstance(value, float) else f"  {key:<28} {value}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
