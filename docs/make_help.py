"""Write docs/help.md: the help of `lipsync` and of each verb, as the command prints it. --check only compares."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("help.md")


def render() -> str:
    """Return the page: one section a verb, in the order of the work."""
    os.environ["COLUMNS"] = "100"
    from typer.testing import CliRunner

    from lipsync_cli.cli import VERBS, app

    parts = ["# What each verb says of itself\n\nWritten by `make docs`; a test holds it to the program.\n"]
    for verb in ("", *VERBS):
        result = CliRunner().invoke(app, [*verb.split(), "-h"], prog_name="lipsync", terminal_width=100)
        if result.exit_code != 0:
            raise RuntimeError(f"lipsync {verb} -h ended with {result.exit_code}: {result.output}")
        text = "\n".join(line.rstrip() for line in result.stdout.splitlines())
        parts.append(f"## lipsync {verb}".rstrip() + f"\n\n```\n{text.strip()}\n```\n")
    return "\n".join(parts)


def main() -> int:
    """Write the page, or with --check say whether it is what the program prints."""
    text = render()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/help.md is not what the program prints; run `make docs`", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
