"""The command `lipsync`: knows the commands in workflow order and turns errors into one line and an exit code.

No logic lives here, and nothing heavy is imported: `lipsync -h` has to answer at once. The file of a command is
imported when that command is wanted.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lipsync_cli import __version__
from lipsync_cli.commands.output import process_end
from lipsync_cli.commands.output.terminal import print_line, print_text
from lipsync_cli.commands.output.top_help import COMMANDS, HELP_OPTIONS, VERSION_HELP, make_help, module_of
from lipsync_cli.errors import LipsyncError, ReaderGoneError, as_machine_error, check_name, escape_controls

SETTINGS = {"help_option_names": list(HELP_OPTIONS)}


_ParserError: Any = typer.BadParameter.__mro__[2]  # what everything inherits that is told of a command line


@contextmanager
def _plain_usage_errors() -> Iterator[None]:
    try:
        yield
    except _ParserError as error:
        error.message = escape_controls(str(error.message))
        raise


class _Verbs(MutableMapping[str, Any]):
    """The commands by name; each is imported and made when it is asked for."""

    def __init__(self, others: MutableMapping[str, Any]) -> None:
        self._made = dict(others)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in COMMANDS:
                raise KeyError(name)
            self._made[name] = _make_command(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*COMMANDS, *(name for name in self._made if name not in COMMANDS)])

    def __len__(self) -> int:
        return len(list(iter(self)))


class LazyGroup(TyperGroup):
    """All commands; the list of them needs no command's file."""

    def __init__(self, **details: Any) -> None:
        super().__init__(**details)
        self.commands = _Verbs(self.commands)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print the help at once where nothing else is asked for; Typer would first import what checks values."""
        if args and args[-1] in SETTINGS["help_option_names"] and not ctx.resilient_parsing:
            if len(args) == 1:
                print_text(ctx.get_help())
                ctx.exit()
            if len(args) == 2 and args[0] in COMMANDS:
                self.commands[args[0]].make_context(args[0], args[1:], parent=ctx)
        return super().parse_args(ctx, args)

    def make_context(self, *args: Any, **details: Any) -> Any:
        """Parse the command line; words of it that are told in an error cannot act on the terminal."""
        with _plain_usage_errors():
            return super().make_context(*args, **details)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for; see `make_context`."""
        with _plain_usage_errors():
            return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        """Return what `lipsync -h` prints without this module, too."""
        return make_help(ctx.terminal_width)


app = typer.Typer(
    name="lipsync",
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings=SETTINGS,
)


def _show_version(value: bool) -> None:
    if value:
        print_line(f"lipsync {__version__}")
        raise typer.Exit()


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=VERSION_HELP)
    ] = False,
) -> None:
    """Take the options that are no command's."""


def tell(error: BaseException, verbose: bool) -> int:
    """Say an error on stderr in one line, with the traceback above it if `verbose`, and return its exit code."""
    if verbose:
        import traceback

        print_text("".join(traceback.format_exception(error)), error=True, end="")
    error = as_machine_error(error) or error
    if isinstance(error, LipsyncError):
        code, text = error.exit_code, str(error)
    elif isinstance(error, KeyboardInterrupt):
        code, text = 130, "interrupted"
    elif isinstance(error, OSError) and error.strerror:
        code, text = 3, (f"{error.filename}: " if error.filename else "") + error.strerror
    else:
        fact = " ".join(str(error).split())
        code, text = 1, f"unexpected {type(error).__name__}: {fact}; run it again with -v for the traceback"
    print_line(f"lipsync: {text}", error=True)
    return code


def with_exit_codes(function: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: whatever it raises becomes one line on stderr and the exit code of its kind."""

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        import logging

        from lipsync_cli.pipelines.machine.resources import check_memory

        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells at length of a home that cannot be written
        try:
            for value in options.values():
                for each in value if isinstance(value, (list, tuple)) else (value,):
                    if isinstance(each, Path):
                        check_name(each)
            if function.__name__ != "doctor":  # which tells of all that it finds
                check_memory()
            with process_end.interruptible():
                function(*args, **options)
        except typer.Exit:
            raise
        except ReaderGoneError as gone:
            raise typer.Exit(gone.exit_code) from None
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has left: Typer ends quietly
            raise typer.Exit(tell(error, bool(options.get("verbose")))) from None

    return command


def _leave_files_to_readers(function: Callable[..., None]) -> Callable[..., None]:
    """Keep Typer from testing files: those who read them say in one line what is wrong, and it is no wrong option."""
    function.__annotations__ = inspect.get_annotations(function, eval_str=True)
    for annotation in function.__annotations__.values():
        for entry in getattr(annotation, "__metadata__", ()):
            entry.readable = False
    return function


def _make_command(name: str) -> Any:
    """Import the file of a command and make its command."""
    from lipsync_cli.commands.options.panels import PanelCommand

    module = name.replace("-", "_")
    function = getattr(import_module(module_of(name)), module)
    alone = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, context_settings=SETTINGS
    )
    alone.command(name, cls=PanelCommand)(with_exit_codes(_leave_files_to_readers(function)))
    return typer.main.get_command(alone)


def _fill_closed_streams() -> None:
    """Open what a job scheduler has closed: files opened later would get these numbers, and programs write there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def main() -> None:
    """Run the command line."""
    _fill_closed_streams()
    process_end.handle_signals()
    code: Any = 1
    try:
        app(prog_name="lipsync")
    except SystemExit as end:
        code = end.code
    except Exception as error:  # outside of any command: the help that could not be written
        code = tell(error, False)
    if process_end.close_stdout():
        code = code or tell(OSError(errno.EIO, "standard output cannot be written whole"), False)
    sys.exit(code)
