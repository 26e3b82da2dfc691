"""The flags that most commands have: how much is said, in which form, and whether anything is done."""

from __future__ import annotations

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr; show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Check the inputs, print what would be done, and stop.")]
