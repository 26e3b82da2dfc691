"""The architectures by name, each with the kind of network that it is; torch is imported when one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    Builder = Callable[..., nn.Module]


@dataclass(frozen=True)
class Architecture:
    """A named kind of network.

    Attributes
    ----------
    name : as weights and `--generator` know it
    kind : what it is for, for instance "generator"
    build : takes the dims as keyword arguments, gives the network with fresh weights
    """

    name: str
    kind: str
    build: Builder


ARCHITECTURES: dict[str, Architecture] = {}


def register(name: str, kind: str) -> Callable[[Builder], Builder]:
    """Register a function (or class) that builds an architecture from its dims.

    Parameters
    ----------
    name : of the architecture
    kind : what it is for: "generator", "talking head", "sync expert", "lip reader", "occlusion network",
        "phone encoder" or "face swapper"

    Raises
    ------
    ValueError : another architecture has this name
    """

    def add(build: Builder) -> Builder:
        if name in ARCHITECTURES:
            raise ValueError(f"there is an architecture {name!r} already")
        ARCHITECTURES[name] = Architecture(name, kind, build)
        return build

    return add


def find_architecture(name: str) -> Architecture:
    """Return an architecture; raise ValueError, with the names that exist, if there is none of this name."""
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture is called {name!r}, only {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def architectures_of(kind: str) -> tuple[str, ...]:
    """Return the names of the architectures of a kind, in the order in which they were registered."""
    return tuple(found.name for found in ARCHITECTURES.values() if found.kind == kind)


def build(architecture: str, dims: dict[str, Any]) -> nn.Module:
    """Build a network with fresh weights.

    Parameters
    ----------
    architecture : its name
    dims : keyword arguments of its class

    Raises
    ------
    ValueError : for another architecture, or dims that the architecture cannot have
    TypeError : for dims that the architecture does not know
    """
    return find_architecture(architecture).build(**dims)


def kind_of(architecture: str) -> str:
    """Return what an architecture is for; raise ValueError if there is none of this name."""
    return find_architecture(architecture).kind


def one_of(kind: str) -> str:
    """Put the article before a kind of network: "an occlusion network"."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
