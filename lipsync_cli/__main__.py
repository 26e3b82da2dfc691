"""`python -m lipsync_cli` is `lipsync`."""

import os
import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C is answered from here on, while all the rest is imported, too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from lipsync_cli.commands.output.process_end import leave_at_interrupt

    leave_at_interrupt(_leave)
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help") and _print_help():
        return
    from lipsync_cli.cli import main as run

    run()


def _leave(number: int, _frame: object) -> None:
    """End the process at once: nothing has been begun."""
    try:
        os.write(2, b"lipsync: interrupted\n")
    finally:
        os._exit(128 + number)


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
