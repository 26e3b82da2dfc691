"""Mean opinion scores and the agreement of raters."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.scoring.ratings.opinion import (
    Rating,
    make_opinion_table,
    measure_agreement,
    measure_opinions,
    read_ratings,
)

# The reliability data of Krippendorff 2011, section D: four observers, twelve units, "." is missing.
PUBLISHED = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")


def rate(rows: dict[str, str], condition: str = "mine") -> list[Rating]:
    """Ratings of each rater, one a clip."""
    return [
        Rating(rater, condition, f"clip{clip}", int(value))
        for rater, row in rows.items()
        for clip, value in enumerate(row.split())
        if value != "."
    ]


def test_alpha_is_the_published_figure() -> None:
    ratings = rate(dict(zip("ABCD", PUBLISHED, strict=True)))
    assert measure_agreement(ratings) == pytest.approx(0.815, abs=5e-4)


def test_alpha_is_one_for_raters_who_agree_and_below_zero_for_those_who_contradict() -> None:
    assert measure_agreement(rate({"a": "1 2 5", "b": "1 2 5"})) == pytest.approx(1)
    against = measure_agreement(rate({"a": "1 5 1 5", "b": "5 1 5 1"}))
    assert against is not None
    assert against < 0


@pytest.mark.parametrize("rows", [{"a": "1 2 3"}, {"a": "4 4", "b": "4 4"}])
def test_alpha_is_not_defined_without_pairs_or_differences(rows: dict[str, str]) -> None:
    assert measure_agreement(rate(rows)) is None


def test_scores_are_means_with_intervals_that_hold_them_the_best_first() -> None:
    rows = {"a": "1 2 1 3", "b": "2 2 1 2", "c": "1 3 2 4"}
    better = {rater: " ".join(str(int(value) + 1) for value in row.split()) for rater, row in rows.items()}
    found = measure_opinions(rate(rows, "mine") + rate(better, "real"))
    assert [one.condition for one in found] == ["real", "mine"]
    assert [one.mean for one in found] == pytest.approx([3, 2])
    for one in found:
        assert 1 <= one.low < one.mean < one.high <= 5
        assert (one.ratings, one.raters, one.clips) == (12, 3, 4)


def test_many_ratings_by_one_rater_are_no_narrower_than_the_raters_differ() -> None:
    rows = {"kind": " ".join(["5"] * 50), "strict": " ".join(["2"] * 50)}
    (found,) = measure_opinions(rate(rows))
    assert (found.low, found.high) == (2, 5)  # independent ratings would give 3.2 to 3.8


def test_the_table_says_where_agreement_is_not_defined() -> None:
    text = make_opinion_table(measure_opinions(rate({"a": "1 2"})), None)
    assert text.splitlines()[0].split() == ["condition", "MOS", "95", "%", "interval", "ratings", "raters", "clips"]
    assert text.splitlines()[1].split()[:2] == ["mine", "1.50"]
    assert "not defined" in text


def test_files_are_read_in_any_order_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('rating,clip,condition,rater,place\n3,"x, y",real,ann,1\n')
    (tmp_path / "b.csv").write_text("rater;condition;clip;rating\nbob;real;x;5\n")
    found = read_ratings([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert found == [Rating("ann", "real", "x, y", 3), Rating("bob", "real", "x", 5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rater,condition,clip,rating\nann,real,x,6\n", "line 2: the rating is '6', none of 1 to 5"),
        ("rater,condition,clip,rating\nann,real,x,4.5\n", "line 2: the rating is '4.5'"),
        ("rater,condition,clip\nann,real,x\n", "has no column rating"),
        (
            "rater,condition,clip,rating\nann,real,x,4\nann,real,x,5\n",
            "line 3: ann has rated real/x already",
        ),
        ("rater,condition,clip,rating\nann,real,x\n", "line 2: has 3 values"),
    ],
)
def test_what_is_no_rating_is_named_by_its_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_ratings([tmp_path / "a.csv"])


def test_no_rating_and_no_table_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("rater,condition,clip,rating\n")
    with pytest.raises(NothingToDoError, match="no rating"):
        read_ratings([tmp_path / "a.csv"])
    with pytest.raises(InputError, match="no CSV file"):
        read_ratings([tmp_path / "a.jsonl"])
