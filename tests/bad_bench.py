"""A folder of good inputs, and the check that a command fails as it should."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from lipsync_cli import cli


@dataclass
class Bench:
    """A folder with good inputs, and a check that a command fails as it should."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / name.replace("_", ".", 1)

    def state(self) -> dict[str, tuple[int, int]]:
        """Every file below the folder with its size and time of change."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    def fails(self, code: int, *arguments: object, says: tuple[str, ...] = ()) -> str:
        """Run a command that has to fail; return its one line."""
        before = self.state()
        result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        lines = [line for line in result.stderr.splitlines() if "goes on with --extend" not in line]
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("lipsync: ")
        for words in says:
            assert words in lines[0], lines[0]
        assert result.stdout == ""
        assert self.state() == before, "a file was left, changed or lost"
        return lines[0]
