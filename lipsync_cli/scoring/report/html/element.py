"""HTML elements: every text and attribute is escaped, unless it is markup already."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import TypeAlias

_VOID = {"br", "col", "hr", "img", "meta", "source"}
_EMPTY_SVG = {"line", "path", "rect", "circle", "polyline"}


class Markup(str):
    """Text that is HTML already; only this module makes it of text."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """Make an element.

    Parameters
    ----------
    children : texts, which are escaped, elements, or lists of both; None is left out
    attributes : `class_` becomes class, `aria_label` aria-label; True: no value; None and False: left out

    Notes
    -----
    Control characters have no place in HTML, not even escaped: they become U+FFFD.
    """
    opened = name + "".join(_write(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{opened}>")
    if name in _EMPTY_SVG and not children:
        return Markup(f"<{opened}/>")
    return Markup(f"<{opened}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Put texts and elements one after another."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str | int | float):
            parts.append(escape(_clean(str(child))))
        else:
            parts.append(join(*child))
    return Markup("".join(parts))


def data_uri(kind: str, content: bytes) -> str:
    """Write a file into an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def make_document(
    title: str, css: str, body: Markup, script: str = "", data: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Make a whole page that may load nothing and run nothing but one script, whatever its texts hold.

    Parameters
    ----------
    script : JavaScript, run at the end of the page; its hash is what the page allows
    data : JSON for the script, by the ids of its elements
    """
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'"
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
        policy += f"; script-src 'sha256-{digest}'"
        blocks = [
            tag("script", Markup(text.replace("<", "\\u003c")), type="application/json", id=name)
            for name, text in data.items()
        ]
        body = join(body, blocks, tag("script", Markup(script)))
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=f"{policy}; form-action 'none'"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(css)),
    )
    return f"<!DOCTYPE html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _write(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    name = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}.get(name, name)
    return f" {name}" if value is True else f' {name}="{escape(_clean(str(value)))}"'


def _clean(text: str) -> str:
    return "".join(
        "\ufffd" if (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 else c
        for c in text
    )
