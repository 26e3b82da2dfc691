"""A page on which people rate videos: shuffled, without their names, in one HTML file that needs nothing beside it.

The page calls each video by a name made of its content. Which one it is, a table beside the page says: the key.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.scoring.report.html.element import data_uri, join, make_document, tag

KINDS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}  # what browsers play
QUESTION = "How natural is the speech of this face?"
KEYS = "Watch each to its end, then press 1 (bad) to 5 (excellent). Space: again. Backspace: go back."
MOST_BYTES = 400 << 20  # of all videos: browsers hold the whole page in memory
_LABELS = ("bad", "poor", "fair", "good", "excellent")  # of ITU-T P.910


KEY_COLUMNS = ("item", "condition", "clip")


class Item(NamedTuple):
    """A video to rate: `condition` is the folder that it lies in, `clip` its name there, without the ending."""

    condition: str
    clip: str
    path: Path


def find_items(folder: Path) -> list[Item]:
    """Find the videos of a folder with one folder for each condition, the same clips in each.

    Raises
    ------
    InputError : it is no folder, or the videos are too large for a page, or two have one name
    NothingToDoError : there is no video in its folders
    """
    if not folder.is_dir():
        raise InputError("is no folder", folder, "give a folder with a folder of videos for each condition")
    items = [
        Item(path.parent.name, path.stem, path)
        for path in sorted(folder.glob("*/*"))
        if path.suffix.lower() in KINDS and path.is_file() and not path.name.startswith(".")
    ]
    if not items:
        hint = (
            f"put videos ({', '.join(KINDS)}) into a folder for each condition: {folder.name}/real, {folder.name}/mine"
        )
        raise NothingToDoError("holds no video in a folder of its own", folder, hint)
    seen: dict[tuple[str, str], Path] = {}
    for item in items:
        other = seen.setdefault((item.condition, item.clip), item.path)
        if other != item.path:
            raise InputError(f"has the same name as {other.name}", item.path, "rename one of them")
    size = sum(item.path.stat().st_size for item in items)
    if size > MOST_BYTES:
        fact = f"holds {size >> 20} MiB of video, and a page holds {MOST_BYTES >> 20}"
        raise InputError(fact, folder, "give fewer or shorter videos")
    return items


def find_gaps(items: list[Item]) -> list[str]:
    """Say which conditions lack a clip that another one has: their means are of other clips."""
    clips = {item.clip for item in items}
    conditions = sorted({item.condition for item in items})
    there = {(item.condition, item.clip) for item in items}
    lacks = {one: sum((one, clip) not in there for clip in clips) for one in conditions}
    return [f"{one} lacks {count} of {len(clips)} clips" for one, count in lacks.items() if count]


def name_items(items: list[Item]) -> dict[str, Item]:
    """Name each video by a hash of its content, in the order of these names: neither says where it lies.

    Raises
    ------
    InputError : a video cannot be read
    """
    named: dict[str, Item] = {}
    for item in items:
        digest = hash_file(item.path)
        while (name := digest[:12]) in named:  # the same video in two conditions
            digest = hashlib.sha256(digest.encode("ascii")).hexdigest()
        named[name] = item
    return dict(sorted(named.items()))


def make_key(named: dict[str, Item]) -> str:
    """Write which video is which as CSV, for `read_ratings`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(KEY_COLUMNS)
    writer.writerows((name, item.condition, item.clip) for name, item in named.items())
    return text.getvalue()


def make_rating_page(named: dict[str, Item]) -> str:
    """Make the page of videos by their names; nothing of it names a condition or a clip."""
    resources = files("lipsync_cli.scoring.ratings")
    css, script = (resources.joinpath(f"rating_page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    listed = [
        {"item": name, "source": data_uri(KINDS[item.path.suffix.lower()], _read(item.path))}
        for name, item in named.items()
    ]
    buttons = [tag("button", f"{value} {label}", type="button", value=value) for value, label in enumerate(_LABELS, 1)]
    body = join(
        tag("h1", "Ratings"),
        tag(
            "form",
            tag("p", f"{len(named)} videos, in another order for everybody. {QUESTION}"),
            tag("p", KEYS),
            tag("p", "What you have rated stays in this browser: with the same name you go on where you left off."),
            tag(
                "label", "Your name or number: ", tag("input", id="rater", required=True, maxlength=80, autofocus=True)
            ),
            " ",
            tag("button", "Begin"),
            id="begin",
        ),
        tag(
            "main",
            tag("p", id="count", aria_live="polite"),
            tag("video", id="video", playsinline=True),
            tag("p", QUESTION),
            tag("p", *buttons, " ", tag("button", "again", type="button", id="again"), class_="buttons"),
            tag("p", KEYS),
            id="rating",
            hidden=True,
        ),
        tag(
            "section",
            tag("p", "Thank you. ", tag("a", "Save the ratings", id="save"), ", or copy them:"),
            tag("textarea", id="csv", readonly=True),
            id="end",
            hidden=True,
        ),
    )
    return make_document("Ratings", css, body, script, {"items": json.dumps(listed, ensure_ascii=True)})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error
