"""Write docs/reference/cli.md and docs/reference/config.md from the program itself. --check only compares.

cli.md is the help of `lipsync` and of each command as it is printed; config.md lists the options that a file for
--config may set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "reference"
MADE = "Written by `make docs`; a test holds it to the program."
CONFIG_INTRO = """
`infer`, `train`, `score` and `detect-faces` read options from a TOML file with `--config FILE.toml`.
`lipsync config infer > mine.toml` writes one with every option, its help and its default.

* The command line wins over the file, and the file over the defaults.
* A flag that the file sets is switched off by `--no-FLAG` on the command line (`--no-cache`: by `--cache`).
* The inputs, `--force`, and what is printed (`--json`, `-q`, `-v`, `-n`) are named on the command line only.
* Relative paths start in the folder where the command runs, as on the command line.
* Case does not matter in words such as `close`; a `-` in a key is a `_`.
* A key that is not known, a value of a wrong type or out of range: one line with file, line and key, exit code 2.

The default of an option in `train` is that of its recipe, unless the file or the command line gives it.
"""


def render_cli() -> str:
    """Return the page of help texts: one section a command, in the order of the work."""
    os.environ["COLUMNS"] = "100"
    from typer.testing import CliRunner

    from lipsync_cli.cli import COMMANDS, app

    parts = [f"# What each command says of itself\n\n{MADE}\n"]
    for verb in ("", *COMMANDS):
        result = CliRunner().invoke(app, [*verb.split(), "-h"], prog_name="lipsync", terminal_width=100)
        if result.exit_code != 0:
            raise RuntimeError(f"lipsync {verb} -h ended with {result.exit_code}: {result.output}")
        text = "\n".join(line.rstrip() for line in result.stdout.splitlines())
        parts.append(f"## lipsync {verb}".rstrip() + f"\n\n```\n{text.strip()}\n```\n")
    return "\n".join(parts)


def render_config() -> str:
    """Return the page of options of files: one section a command, one table a panel."""
    from lipsync_cli.commands.config import COMMANDS, find_config
    from lipsync_cli.config.option import entries_of

    parts = [f"# Options of files for `--config`\n\n{MADE}\n{CONFIG_INTRO}"]
    for command in COMMANDS:
        entries = [entry for entry in entries_of(find_config(command)) if entry.option.in_file]
        parts.append(f"## {command}\n")
        parts.append("| key | command line | values | default | what |\n|---|---|---|---|---|")
        parts += [_row(entry) for entry in entries]
        parts.append("")
    return "\n".join(parts)


def _row(entry) -> str:  # type: ignore[no-untyped-def]
    from lipsync_cli.config.check_values import describe_allowed
    from lipsync_cli.config.toml_file import format_value

    default = entry.option.shown or ("" if entry.default is None else f"`{format_value(entry.default)}`")
    spellings = ", ".join(f"`{name}`" for name in entry.spellings)
    values = describe_allowed(entry).removeprefix("give ").removeprefix("use ")
    cells = (f"`{'.'.join(entry.key)}`", spellings, values, default, entry.option.help)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Write the pages, or with --check say whether they are what the program prints."""
    pages = {FOLDER / "cli.md": render_cli(), FOLDER / "config.md": render_config()}
    for page, text in pages.items():
        if "--check" not in sys.argv[1:]:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"docs/reference/{page.name} is not what the program prints; run `make docs`", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
