"""Options that mean the same wherever they appear, for commands that take no configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.pipelines.machine.resources import resolve_jobs as resolve_jobs

Output = Annotated[Path | None, typer.Option("-o", "--output", help="The file to write.", show_default=False)]
Force = Annotated[bool, typer.Option("-f", "--force", help="Overwrite the output if it exists.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr; show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Check the inputs, print what would be done, and stop.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", min=1, help="Worker processes or threads.", show_default="one per core"),
]
