"""People's ratings: the page on which they are given, and the mean opinion scores that they come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lipsync_cli.config.build import check_values
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.callbacks import Notify, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.score import STDOUT, ScoreConfig

if TYPE_CHECKING:
    from lipsync_cli.scoring.ratings.opinion import Opinion
    from lipsync_cli.scoring.ratings.rating_page import Item

_OTHER_WORK = ("weights", "reference", "report", "table", "boxes", "critic", "compare")  # fields that ask for figures


class RatingPage(NamedTuple):
    """Files: the page, and the key, which says which of its videos is which."""

    page: Path
    key: Path


@dataclass(frozen=True)
class Opinions:
    """Mean opinion scores of each condition, and Krippendorff's alpha; None: it is not defined."""

    opinions: list[Opinion]
    agreement: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give all of it, JSON-able."""
        return {"opinions": [one._asdict() for one in self.opinions], "agreement": self.agreement}

    def to_text(self) -> str:
        """Give all of it as a table."""
        from lipsync_cli.scoring.ratings.opinion import make_opinion_table

        return make_opinion_table(self.opinions, self.agreement)


@keeps_inputs
def write_page(config: ScoreConfig, *, notify: Notify = ignore) -> RatingPage:
    """Write the page on which the videos of a folder are rated, and the key beside it; give their paths.

    Parameters
    ----------
    notify : told which conditions have other clips than the rest, and what the key is

    Raises
    ------
    LipsyncError : the options make no sense, the folder holds no videos, or a file cannot be written
    """
    from lipsync_cli.runtime.atomic_files import check_output
    from lipsync_cli.scoring.ratings.rating_page import find_gaps, make_key, make_rating_page, name_items
    from lipsync_cli.scoring.report.result_folder import write_text

    written, items = _plan_page(config)
    for path in written:
        check_output(path, config.force)
    for text in find_gaps(items):
        notify(f"{text}: its mean is of other clips")
    named = name_items(items)
    write_text(written.key, make_key(named), config.force)
    write_text(written.page, make_rating_page(named), config.force)
    notify(f"{written.key} says which video is which: keep it from the raters, and give it to --ratings")
    return written


@keeps_inputs
def plan_page(config: ScoreConfig) -> dict[str, Any]:
    """Say what `write_page` would write, JSON-able."""
    (page, key), items = _plan_page(config)
    conditions = sorted({item.condition for item in items})
    return {"output": str(page), "key": str(key), "videos": len(items), "conditions": conditions}


@keeps_inputs
def measure(config: ScoreConfig) -> Opinions:
    """Read ratings, and compute what they come to.

    Raises
    ------
    LipsyncError : the options make no sense, or a file holds no ratings
    """
    from lipsync_cli.scoring.ratings.opinion import measure_agreement, measure_opinions, read_ratings

    _check(config, "--ratings")
    if config.output is not None:
        raise UsageError("--ratings prints, and writes no file", hint="leave out -o, and add > FILE")
    ratings = read_ratings(config.sources)
    return Opinions(measure_opinions(ratings, config.seed), measure_agreement(ratings))


def _plan_page(config: ScoreConfig) -> tuple[RatingPage, list[Item]]:
    from lipsync_cli.scoring.ratings.rating_page import find_items

    _check(config, "--rate")
    if len(config.sources) > 1:
        raise UsageError("--rate makes a page of one folder", hint="give a folder with a folder for each condition")
    folder = config.sources[0].absolute()
    page = config.output or folder.with_name(f"{folder.name}.html")
    if page == STDOUT or page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"-o {page} is no name of an HTML file", hint="give a name that ends in .html")
    return RatingPage(page, page.with_suffix(".key.csv")), find_items(folder)


def _check(config: ScoreConfig, option: str) -> None:
    """Raise UsageError if the options ask for something else, too."""
    check_values(config)
    if config.rate and config.ratings:
        raise UsageError("--rate makes a page, and --ratings reads what it has written", hint="use one of them")
    if given := [f"--{name}" for name in _OTHER_WORK if getattr(config, name)]:
        raise UsageError(f"{option} is of people's ratings, {given[0]} of figures", hint=f"leave out {given[0]}")
