"""The parameters of a command, made from a configuration: the command's function takes the configuration alone.

Each option of the configuration becomes an option of Typer. `--config FILE` reads values from a TOML file; those that
the command line gives win over the file's, and those over the defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from lipsync_cli.commands.output.terminal import print_line
from lipsync_cli.config.build import build, check_value
from lipsync_cli.config.check_values import Notify
from lipsync_cli.config.option import REQUIRED, Entry, entries_of
from lipsync_cli.errors import UsageError
from lipsync_cli.runtime.run_inputs import keep_inputs

CONFIG, CONTEXT = "config_file", "typer_context"
KEYWORD = inspect.Parameter.KEYWORD_ONLY


def takes_config(cls: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function whose first parameter is a configuration.

    Parameters
    ----------
    cls : the configuration, whose options become the command's; the function's further parameters stay what they are
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = _own_parameters(function)
        parameters = [*_parameters(cls), *own]

        def command(**values: Any) -> None:
            def warn(text: str) -> None:
                if not values.get("quiet", False):
                    print_line(f"lipsync: {text}", error=True)

            with keep_inputs([values[CONFIG]]):
                function(resolve(cls, values, warn), **{each.name: values[each.name] for each in own})

        context = inspect.Parameter(CONTEXT, KEYWORD, annotation=typer.Context)
        command.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in [context, *parameters]}
        command.__name__, command.__doc__, command.__module__ = function.__name__, function.__doc__, function.__module__
        command.config_class = cls  # type: ignore[attr-defined]
        return command

    return decorate


def _own_parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    _, *rest = inspect.signature(function).parameters.values()
    return [each.replace(kind=KEYWORD, annotation=hints[each.name]) for each in rest]


def resolve(cls: type, values: dict[str, Any], notify: Notify) -> Any:
    """Return the configuration: the command line before the file, the file before the defaults.

    Parameters
    ----------
    values : of Typer's parameters by their names, the context among them
    notify : told in words of former spellings
    """
    context: typer.Context = values[CONTEXT]

    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    given: dict[str, Any] = {}
    if values.get(CONFIG) is not None:
        from lipsync_cli.config.toml_file import read_file
        from lipsync_cli.runtime.run_inputs import read_input

        given |= read_file(cls, values[CONFIG], notify, read_input)
    for entry in entries_of(cls):
        for old in entry.option.old:
            if is_given(_hidden("old", old)):
                notify(f"{old} is called {entry.spelling} now")
                given[entry.name] = check_value(entry, values[_hidden("old", old)], notify, old)
        if entry.kind is bool and not entry.option.both and is_given(_hidden("off", entry.name)):
            given[entry.name] = False
        if is_given(entry.name):
            given[entry.name] = check_value(entry, values[entry.name], notify)
        elif entry.default is REQUIRED and entry.name not in given:
            raise UsageError(f"{entry.spelling} is missing")
    return build(cls, given)


def _hidden(kind: str, name: str) -> str:
    """Name the parameter of a spelling that the help does not show."""
    return f"{kind}_" + name.lstrip("-").replace("-", "_")


def _parameters(cls: type) -> list[inspect.Parameter]:
    """Return Typer's parameters for the options, in the order of the panels, and for --config."""
    entries = entries_of(cls)
    shown = [_argument(entry) if entry.option.argument else _option(entry) for entry in entries]
    hidden = []
    for entry in entries:
        hidden += [_alias(entry, old) for old in entry.option.old]
        if entry.kind is bool and not entry.option.both:
            about = typer.Option(entry.negation, hidden=True, help=f"The opposite of {entry.spelling}.")
            hidden.append(_parameter(_hidden("off", entry.name), bool, about, False))
    file = typer.Option(
        "--config",
        help="Read options from a TOML file; `lipsync config` writes one. The command line wins over it.",
        show_default=False,
        metavar="FILE.toml",
        rich_help_panel="input and output",
        readable=False,
    )
    return [*shown, _parameter(CONFIG, Path | None, file, None), *hidden]


def _parameter(name: str, kind: Any, about: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, KEYWORD, default=default, annotation=Annotated[kind, about])


def _type_of(entry: Entry) -> Any:
    return list[entry.kind] if entry.many else entry.kind  # type: ignore[name-defined]


def _argument(entry: Entry) -> inspect.Parameter:
    about = typer.Argument(help=entry.option.help, show_default=False, metavar=entry.option.metavar, readable=False)
    if entry.default is REQUIRED:
        return _parameter(entry.name, _type_of(entry), about, inspect.Parameter.empty)
    return _parameter(entry.name, _type_of(entry) | None, about, None)


def _option(entry: Entry) -> inspect.Parameter:
    option = entry.option
    names = entry.spellings
    if entry.kind is bool and option.both:
        names = (f"{entry.spelling}/{entry.negation}",)
    is_empty = entry.default is None or entry.default is False or entry.default == ()
    is_shown = option.shows_default and option.shown is None and not is_empty
    is_listed = option.choices and option.metavar is not None
    text = f"{option.help} One of {', '.join(option.choices)}." if is_listed else option.help
    about = typer.Option(*names, help=text, show_default=option.shown or is_shown, **_details(entry))
    about.rich_help_panel = entry.panel
    if option.shown is not None or entry.default is None or entry.default == ():
        return _parameter(entry.name, _type_of(entry) | None, about, None)
    return _parameter(entry.name, _type_of(entry), about, entry.default)


def _alias(entry: Entry, old: str) -> inspect.Parameter:
    about = typer.Option(old, hidden=True, help=f"Former name of {entry.spelling}.", **_details(entry))
    if entry.kind is bool:
        return _parameter(_hidden("old", old), bool, about, False)
    return _parameter(_hidden("old", old), _type_of(entry) | None, about, None)


def _details(entry: Entry) -> dict[str, Any]:
    option = entry.option
    words = [*option.choices, *([option.other] if option.other else [])]
    details: dict[str, Any] = {"readable": False, "metavar": option.metavar}
    if words:
        details |= {"metavar": option.metavar or f"<{'|'.join(words)}>", "autocompletion": _completer(option.choices)}
    if entry.kind in (int, float):
        details |= {"min": option.least, "max": option.most}
    return details


def _completer(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return what the shell's completion asks for the values that begin with what is typed."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete.lower())]

    return complete
