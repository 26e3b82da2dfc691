"""The options of `lipsync infer` that say whose mouths are moved, and by which voice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.synthesis.choice import Choice

LARGEST = "largest"


class DetectorName(str, Enum):
    """The face detectors."""

    auto = "auto"
    hog = "hog"
    mmod = "mmod"


Who = Annotated[
    str,
    typer.Option(
        "--face",
        help="Whose mouth is moved, of several people: largest, left, right, a number counted from the left and "
        "from 0, or a photo of the person.",
    ),
]
Speakers = Annotated[
    list[str] | None,
    typer.Option(
        "--speaker",
        metavar="WHO=SPEECH",
        help="One of several people who speak, as for --face, and this one's voice, such as 0=ann.wav; given once for "
        "each. The voices are heard together.",
        show_default=False,
    ),
]
Detector = Annotated[
    DetectorName,
    typer.Option(
        "--detector",
        help="How faces are found: hog, mmod (a slow network), or auto: hog, and mmod where hog finds nothing, if "
        "lipsync-cli[models] is installed.",
    ),
]


@dataclass(frozen=True)
class People:
    """Whose mouths are moved.

    Attributes
    ----------
    choices : who
    voices : what each says; empty if the speeches are named otherwise
    """

    choices: tuple[Choice, ...]
    voices: tuple[Path, ...] = ()


def chosen_people(given: dict[str, Any]) -> People:
    """Return what a command's options, by their names in Python, ask for.

    Raises
    ------
    UsageError : they contradict each other
    """
    from lipsync_cli.synthesis.choice import read_choice

    detector = given["detector"].value
    if not given["speaker"]:
        return People((read_choice(given["who"], detector),))
    for name, value in (("a speech", given["speech"]), ("--messages", given["messages"]), ("--faces", given["faces"])):
        if value:
            raise UsageError(f"--speaker does not go with {name}", hint="name every voice as --speaker WHO=SPEECH")
    if given["drive_audio"]:
        raise UsageError(
            "--speaker does not go with --drive-audio", hint="name the voice alone as --speaker WHO=SPEECH"
        )
    if given["who"] != LARGEST:
        raise UsageError("--speaker does not go with --face", hint="name everyone who speaks as --speaker WHO=SPEECH")
    pairs = [_split(text) for text in given["speaker"]]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--speaker {name} is given {names.count(name)} times", hint="give everyone one voice")
    return People(tuple(read_choice(name, detector, "--speaker") for name in names), tuple(voice for _, voice in pairs))


def _split(text: str) -> tuple[str, Path]:
    """Return who is meant, and the voice; a photo that exists may have a = in its name."""
    ends = [place for place, letter in enumerate(text) if letter == "="]
    end = next((place for place in reversed(ends) if Path(text[:place]).is_file()), ends[0] if ends else 0)
    if not text[:end].strip() or not text[end + 1 :].strip():
        raise UsageError(f"--speaker {text!r} is not WHO=SPEECH", hint="such as --speaker 0=ann.wav")
    return text[:end].strip(), Path(text[end + 1 :])
