"""`python -m lipsync_cli` is `lipsync`."""

from lipsync_cli.cli import main

main()
