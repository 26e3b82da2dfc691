"""What people's ratings say: mean opinion scores with intervals, and how far the raters agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError
from lipsync_cli.scoring.ratings.rating_page import KEY_COLUMNS
from lipsync_cli.synthesis.table_reader import Row, read_rows, read_text

COLUMNS = ("rater", "condition", "clip", "rating")
BLIND_COLUMNS = ("rater", "item", "rating")  # of a page that does not know which video is which
LEAST, MOST = 1, 5
SAMPLES = 2000  # of the bootstrap


class Rating(NamedTuple):
    """One rating, 1 to 5."""

    rater: str
    condition: str
    clip: str
    rating: int


class Opinion(NamedTuple):
    """Mean opinion score of a condition.

    Attributes
    ----------
    mean, low, high : the mean, and its 95 % interval
    ratings, raters, clips : how many there are
    """

    condition: str
    mean: float
    low: float
    high: float
    ratings: int
    raters: int
    clips: int


def read_ratings(paths: Sequence[Path]) -> list[Rating]:
    """Read the CSV files that the page writes and the key that lies beside it, in whatever order of columns.

    Ratings may also name condition and clip themselves; then no key is needed.

    Raises
    ------
    InputError : a file is no such table, a rating is none of 1 to 5, a rater has rated a video twice, or the key lacks
        a video
    NothingToDoError : there are no ratings
    """
    tables: list[tuple[Path, list[Row]]] = []
    for path in paths:
        if path.suffix.lower() not in (".csv", ".tsv"):
            raise InputError("is no CSV file", path, "give the files that the page of --rate has written")
        tables.append((path, list(read_rows(read_text(path), path, _refuse))))
    key = {
        str(row.values["item"]): (str(row.values["condition"]), str(row.values["clip"]))
        for _, rows in tables
        for row in rows
        if _is_key(row)
    }
    found: list[Rating] = []
    seen: dict[tuple[str, str, str], str] = {}
    for path, rows in tables:
        for row in rows:
            if _is_key(row):
                continue
            one = _read_rating(row, path, key)
            video = one.rater, one.condition, one.clip
            if video in seen:
                fact = f"line {row.line}: {one.rater} has rated {one.condition}/{one.clip} already, in {seen[video]}"
                raise InputError(fact, path, "give each file once, and every rater another name")
            seen[video] = f"{path.name} line {row.line}"
            found.append(one)
    if not found:
        raise NothingToDoError("there is no rating", paths[0] if paths else None, "give files with ratings")
    return found


def _is_key(row: Row) -> bool:
    return "rating" not in row.values and all(name in row.values for name in KEY_COLUMNS)


def _read_rating(row: Row, path: Path, key: Mapping[str, tuple[str, str]]) -> Rating:
    blind = "item" in row.values and "condition" not in row.values
    columns = BLIND_COLUMNS if blind else COLUMNS
    if lacking := [name for name in columns if name not in row.values]:
        raise InputError(f"has no column {lacking[0]}", path, f"its columns are {', '.join(columns)}")
    rater, rating = str(row.values["rater"]), str(row.values["rating"])
    if rating not in {str(value) for value in range(LEAST, MOST + 1)}:
        fact = f"line {row.line}: the rating is {rating!r}, none of {LEAST} to {MOST}"
        raise InputError(fact, path, "correct it, or remove the line")
    if not blind:
        return Rating(rater, str(row.values["condition"]), str(row.values["clip"]), int(rating))
    item = str(row.values["item"])
    if item not in key:
        fact = f"line {row.line}: which video {item} is stands in no file that was given"
        raise InputError(fact, path, "add the .key.csv that --rate has written beside this page")
    return Rating(rater, *key[item], int(rating))


def measure_opinions(ratings: Sequence[Rating], seed: int = 0) -> list[Opinion]:
    """Compute the mean opinion score of each condition, the best first.

    The interval is of a bootstrap over raters and over clips at once: both are samples of the people and sentences that
    the mean is meant for, and ratings of one rater or one clip do not count as independent.
    """
    raters, clips = _number(one.rater for one in ratings), _number(one.clip for one in ratings)
    rng = np.random.default_rng(seed)
    of_rater, of_clip = (
        rng.multinomial(len(names), np.full(len(names), 1 / len(names)), SAMPLES) for names in (raters, clips)
    )  # how often each is drawn: (SAMPLES, n)
    found = []
    for condition in dict.fromkeys(one.condition for one in ratings):
        mine = [one for one in ratings if one.condition == condition]
        values = np.array([one.rating for one in mine], float)
        rater = np.array([raters[one.rater] for one in mine])
        clip = np.array([clips[one.clip] for one in mine])
        weights = of_rater[:, rater] * of_clip[:, clip]
        total = weights.sum(1)
        means = (weights @ values)[total > 0] / total[total > 0]
        low, high = np.quantile(means, (0.025, 0.975))
        counts = len(mine), len(set(rater.tolist())), len(set(clip.tolist()))
        found.append(Opinion(condition, float(values.mean()), float(low), float(high), *counts))
    return sorted(found, key=lambda one: -one.mean)


def measure_agreement(ratings: Sequence[Rating]) -> float | None:
    """Compute Krippendorff's alpha of ordinal ratings: 1 if the raters agree, 0 if they agree as chance would.

    Returns
    -------
    None where no video has two ratings, or where all ratings are the same: nothing can be said

    Notes
    -----
    Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section D and the ordinal difference.
    """
    coincidences = np.zeros((MOST + 1, MOST + 1))
    of_video: dict[tuple[str, str], list[int]] = {}
    for one in ratings:
        of_video.setdefault((one.condition, one.clip), []).append(one.rating)
    for values in of_video.values():
        if len(values) > 1:
            counts = np.bincount(values, minlength=MOST + 1).astype(float)
            coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(values) - 1)
    totals = coincidences.sum(0)
    below = np.cumsum(totals) - totals / 2  # ratings below each value, and half of its own
    difference = np.subtract.outer(below, below) ** 2
    expected = (np.outer(totals, totals) * difference).sum()
    if expected == 0:
        return None
    return float(1 - (totals.sum() - 1) * (coincidences * difference).sum() / expected)


def make_opinion_table(opinions: Sequence[Opinion], agreement: float | None) -> str:
    """Write scores and agreement as text."""
    width = max(len("condition"), *(len(one.condition) for one in opinions)) + 2
    lines = [f"{'condition':<{width}}{'MOS':>6}{'95 % interval':>17}{'ratings':>9}{'raters':>8}{'clips':>7}"]
    for one in opinions:
        interval = f"{one.low:.2f} to {one.high:.2f}"
        lines.append(
            f"{one.condition:<{width}}{one.mean:>6.2f}{interval:>17}{one.ratings:>9}{one.raters:>8}{one.clips:>7}"
        )
    said = "not defined: no video has two ratings, or all are the same" if agreement is None else f"{agreement:.3f}"
    return "\n".join([*lines, "", f"agreement of the raters, Krippendorff's alpha (ordinal): {said}"])


def _number(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _refuse(error: LipsyncError) -> None:
    raise error
