"""The mark of a synthetic video: metadata that says what it is and which weights made it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lipsync_cli import __version__
from lipsync_cli.media.probe import probe

PREFIX = "lipsync_"
SOURCE_TYPE = "compositeWithTrainedAlgorithmicMedia"  # IPTC NewsCodes, scheme "Digital Source Type"
SOURCE_TAGS = {
    "title",
    "date",
    "creation_time",
    "location",
    "location-eng",
    "com.apple.quicktime.creationdate",
    "com.apple.quicktime.location.iso6709",
}
LIPS, FACE = "the lip movements were generated", "the face was replaced by another person's"
SENTENCE = re.compile(r"Synthetic video: .* by lipsync (\S+) with the weights (.*) \(sha256 ([0-9a-f]*)\)")


def synthetic_tags(weights_name: str, weights_sha256: str, what: str = LIPS, **details: object) -> dict[str, str]:
    """Make the container metadata that says a video is synthetic.

    Parameters
    ----------
    weights_name, weights_sha256 : what generated it
    what : is synthetic, as a clause in the past
    details : more facts, written as `lipsync_NAME`

    Returns
    -------
    tags for `VideoWriter`: `comment` and `description` hold the sentence, because they survive other programs; the
    `lipsync_...` tags hold its parts
    """
    sentence = (
        f"Synthetic video: {what} by lipsync {__version__} with the weights {weights_name} (sha256 {weights_sha256})"
    )
    facts = {"version": __version__, "weights": weights_name, "weights_sha256": weights_sha256, **details}
    tags = {"comment": sentence, "description": sentence, PREFIX + "synthetic": "true"}
    tags[PREFIX + "source_type"] = SOURCE_TYPE
    return tags | {PREFIX + key: str(value) for key, value in facts.items()}


def source_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of a video's tags that tell its title, date and place."""
    return {key: value for key, value in tags.items() if key.lower() in SOURCE_TAGS}


def read_marks(path: str | Path) -> dict[str, str | bool]:
    """Read whether a video says that it is synthetic, and what made it.

    Returns
    -------
    `synthetic` (False where nothing says so: that is no proof of the contrary), and where it is True what else is known
    of `version`, `weights`, `weights_sha256`, `source_type` and the other details

    Raises
    ------
    InputError : the file cannot be read
    """
    tags = {key.lower(): value for key, value in probe(path).tags.items()}
    marks: dict[str, str | bool] = {"synthetic": False}
    for text in (tags.get("comment", ""), tags.get("description", "")):
        match = SENTENCE.search(text)
        if match:
            marks |= dict(zip(("version", "weights", "weights_sha256"), match.groups(), strict=True))
            marks["synthetic"] = True
    facts = {key.removeprefix(PREFIX): value for key, value in tags.items() if key.startswith(PREFIX)}
    if facts.pop("synthetic", "") == "true":
        marks["synthetic"] = True
    if marks["synthetic"]:
        marks.update(facts)
    return marks
