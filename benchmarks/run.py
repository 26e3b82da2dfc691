"""Run every benchmark in this folder, one after the other, and print a table of what they measured.

Each of them prints one JSON object on its last line of stdout: its figures, with `ratio` against the naive way in the
same run where there is one.

Usage: python benchmarks/run.py [NAME ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(script: Path) -> dict[str, object]:
    """Run one script and return the JSON object it printed, or what went wrong."""
    result = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    lines = result.stdout.strip().splitlines()
    if result.returncode != 0 or not lines:
        return {"benchmark": script.stem, "failed": f"exit code {result.returncode}"}
    return {"benchmark": script.stem, **json.loads(lines[-1])}


def main() -> int:
    """Run the named benchmarks, or all of them."""
    names = sys.argv[1:]
    scripts = [
        file for file in sorted(HERE.glob("*.py")) if file.name != "run.py" and (not names or file.stem in names)
    ]
    failed = 0
    for script in scripts:
        figures = run(script)
        failed += "failed" in figures
        print(json.dumps(figures), file=sys.stderr, flush=True)
        name = figures.pop("benchmark")
        print(f"{name}")
        for key, value in figures.items():
            print(f"  {key:<28} {value:.4g}" if isinstance(value, float) else f"  {key:<28} {value}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
