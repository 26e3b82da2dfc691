"""`python -m lipsync_cli` is `lipsync`."""

import sys

from lipsync_cli.commands.output.process_end import leave_at_interrupt


def main() -> None:
    """Run the command line; Ctrl-C is answered from here on, while the rest is imported, too."""
    leave_at_interrupt()
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help") and _print_help():
        return
    from lipsync_cli.cli import main as run

    run()


def _print_help() -> bool:
    """Print the help of the program without what commands need; tell whether that went well."""
    from lipsync_cli.commands.output.terminal import print_text
    from lipsync_cli.commands.output.top_help import make_help
    from lipsync_cli.errors import LipsyncError

    try:
        print_text(make_help())
    except (LipsyncError, OSError, AttributeError):  # no stdout, or a full one: the command line says so in its way
        return False
    return True


if __name__ == "__main__":
    main()
