"""Texts with `{fields}` that values are put into; nothing in them is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lipsync_cli.config.check_values import join_hints, suggest
from lipsync_cli.errors import UsageError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True)
class TextTemplate:
    """A text with fields.

    Attributes
    ----------
    text : as it was given
    parts : literal text, and names of fields, each with whether it is a field
    """

    text: str
    parts: tuple[tuple[str, bool], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, each once, in their order."""
        return tuple(dict.fromkeys(part for part, is_field in self.parts if is_field))

    def fill(self, values: Mapping[str, str], change: Callable[[str], str] = str) -> str:
        """Return the text with values in place of the fields; KeyError if one has none.

        Parameters
        ----------
        change : applied to each value
        """
        return "".join(change(values[part]) if is_field else part for part, is_field in self.parts)

    def check(self, known: Iterable[str], what: str, where: str | None = None) -> None:
        """Raise UsageError if a field is not known.

        Parameters
        ----------
        what : the option, for the error
        where : file in which the fields are looked up
        """
        known = list(known)
        for name in self.fields:
            if name not in known:
                allowed = f"the fields are {', '.join(f'{{{each}}}' for each in known)}"
                raise UsageError(
                    f"{what} has the unknown field {{{name}}}", where, join_hints(suggest(name, known), allowed)
                )


def parse_template(text: str, what: str) -> TextTemplate:
    """Read a template: `{name}` is a field, `{{` and `}}` are braces.

    Parameters
    ----------
    what : the option, for the error

    Raises
    ------
    UsageError : a brace has no partner, or a field no name
    """
    parts: list[tuple[str, bool]] = []
    for found in _PIECE.finditer(text):
        piece, name = found[0], found[1]
        if piece in ("{", "}"):
            raise UsageError(
                f"{what} has a {piece} without its partner", hint=f"write {piece * 2} for the brace itself"
            )
        if name is not None and not name.strip():
            raise UsageError(f"{what} has a field without a name", hint="write {{}} for the braces themselves")
        parts.append((piece[0], False) if piece in ("{{", "}}") else (piece, False) if name is None else (name, True))
    return TextTemplate(text, tuple(parts))
