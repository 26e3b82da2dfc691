"""`python -m lipsync_cli` is `lipsync`."""

from lipsync_cli.commands.output.process_end import leave_at_interrupt


def main() -> None:
    """Run the command line; Ctrl-C is answered from here on, while the rest is imported, too."""
    leave_at_interrupt()
    from lipsync_cli.cli import main as run

    run()


if __name__ == "__main__":
    main()
