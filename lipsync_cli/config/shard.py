"""One of several equal parts of the work, for machines or array jobs that share it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.option import option

T = TypeVar("T")
MOST_SHARDS = 1_000_000


@dataclass(frozen=True)
class Shard:
    """Which part of the work is done here: every `count`-th item, from item number `index` on.

    All parts together are the whole, whatever machine does them, and in whichever order.

    Attributes
    ----------
    index : from 1 to `count`
    count : how many parts there are
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def is_first(self) -> bool:
        """Whether it is the part that tells what concerns all of them."""
        return self.index == 1

    def take(self, items: Sequence[T]) -> list[T]:
        """Return the items of this part, in their order."""
        return list(items[self.index - 1 :: self.count])


def parse_shard(text: str) -> Shard:
    """Return the part that "2/8" names; ValueProblemError if it is none."""
    found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text.strip())
    index, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= index <= count <= MOST_SHARDS:
        raise ValueProblemError(f"{text!r} is no part of the work", "give one such as 2/8, from 1/8 to 8/8")
    return Shard(index, count)


def find_shard(text: str | None) -> Shard | None:
    """Return the part that an option names, None if it names none."""
    return None if text is None else parse_shard(text)


def shard_option(what: str, panel: str = "performance") -> Any:
    """Declare `--shard`, which takes every n-th of `what`."""
    return option(
        f"Do only part I of N of the work, every N-th of the {what}, so that N machines or array jobs share it.",
        None,
        panel=panel,
        metavar="I/N",
        example="1/8",
        check=parse_shard,
    )
