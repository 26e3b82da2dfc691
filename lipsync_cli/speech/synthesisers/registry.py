"""Which speech synthesisers there are: those of this package, plug-ins of others, and any command line.

A package adds one by an entry point in its pyproject.toml, whose object makes a `Synthesiser` when it is called::

    [project.entry-points."lipsync_cli.synthesisers"]
    mine = "my_package.voices:MySynthesiser"
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from lipsync_cli.config.check_values import join_hints, suggest
from lipsync_cli.errors import LipsyncError, ToolError, UsageError
from lipsync_cli.speech.synthesisers import espeak_ng, piper
from lipsync_cli.speech.synthesisers.command_line import CommandLine
from lipsync_cli.speech.synthesisers.synthesiser import ANY_VOICE, NotInstalledError, Synthesiser, Voice

GROUP = "lipsync_cli.synthesisers"
AUTO = "auto"
BUILT_IN: dict[str, Callable[[], Synthesiser]] = {"espeak-ng": espeak_ng.EspeakNg, "piper": piper.Piper}


def list_synthesisers() -> tuple[str, ...]:
    """Return the names of all that can be asked for, installed or not."""
    return tuple(dict.fromkeys([*BUILT_IN, *sorted(entry.name for entry in entry_points(group=GROUP))]))


def open_synthesiser(name: str) -> Synthesiser:
    """Return a synthesiser by its name.

    Raises
    ------
    UsageError : there is none of this name
    NotInstalledError : its program is not installed
    ToolError : a plug-in cannot be loaded
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        known = (AUTO, *list_synthesisers())
        hint = join_hints(suggest(name, known), f"choose from {', '.join(known)}, or give a command with {{out}}")
        raise UsageError(f"no speech synthesiser is called {name!r}", hint=hint)
    try:
        return cast(Synthesiser, found[0].load()())
    except LipsyncError:
        raise
    except Exception as error:  # whatever a broken package raises
        words = " ".join(f"{type(error).__name__}: {error}".split())
        package = found[0].dist.name if found[0].dist is not None else name
        raise ToolError(
            f"the speech synthesiser {name} cannot be loaded ({words})", hint=f"reinstall {package}"
        ) from error


def find_synthesiser(name: str = AUTO, voice: Voice = ANY_VOICE) -> Synthesiser:
    """Return the synthesiser that is asked for.

    Parameters
    ----------
    name : auto: piper if the voice is a file of its own, else espeak-ng, else piper; a name; or a command line, see
        `CommandLine`
    voice : that will speak

    Raises
    ------
    UsageError, ToolError : as `open_synthesiser` and `CommandLine`
    """
    if "{" in name or " " in name.strip():
        return CommandLine(name)
    if name != AUTO:
        return open_synthesiser(name)
    if voice.name is not None and voice.name.endswith(piper.VOICE_SUFFIX):
        return open_synthesiser("piper")
    for each in BUILT_IN:
        try:
            return open_synthesiser(each)
        except NotInstalledError:
            continue
    raise NotInstalledError("no speech synthesiser is installed", hint=f"{espeak_ng.INSTALL} or {piper.INSTALL}")
