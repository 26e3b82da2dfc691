"""Many speeches for one presenter: which films are to be made, and making those that are not there yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from lipsync_cli.errors import InputError, LipsyncError, ToolError, UsageError
from lipsync_cli.runtime.json_values import parse_json
from lipsync_cli.synthesis.drivers.speech_driver import SILENCES
from lipsync_cli.synthesis.film import Result
from lipsync_cli.synthesis.job import Job, Prepare
from lipsync_cli.synthesis.rendering.film_output import FILMS
from lipsync_cli.synthesis.sources.frame_schedule import EXTEND

OnFailure = Callable[[LipsyncError], None]

CHOICES = {"extend": EXTEND, "silence": SILENCES}
FILES = ("driving_audio", "final_audio")
OLD_NAMES = {"drive_audio": "driving_audio"}
SYNONYMS = {"pingpong": "bounce"}


@dataclass(frozen=True)
class Message:
    """One film to make.

    Attributes
    ----------
    speech, output : the files
    options : of `JobSettings.with_options`, that only this message has
    """

    speech: Path
    output: Path
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Path]:
        """The files that are read for it."""
        return [self.speech, *(self.options[name] for name in FILES if name in self.options)]


@dataclass(frozen=True)
class Made:
    """What came of some messages: the films that were made and those that were there."""

    made: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)


def name_messages(speeches: Iterable[Path], folder: Path) -> list[Message]:
    """Return one message for each speech, `folder/SPEECH.mp4`.

    Raises
    ------
    UsageError : two speeches have the same name
    """
    messages = [Message(speech, folder / f"{speech.stem}.mp4") for speech in speeches]
    seen: dict[Path, Path] = {}
    for message in messages:
        other = seen.setdefault(message.output, message.speech)
        if other is not message.speech:
            raise UsageError(
                f"{other} and {message.speech} would both become {message.output}",
                hint="name the outputs in a list, see --messages",
            )
    return messages


def read_messages(lines: Iterable[str], where: str, base: Path, folder: Path, on_failure: OnFailure) -> list[Message]:
    """Read a list of messages: one JSON object a line.

    Each has `speech`, and may have `output` (a name in the folder), `extend`, `silence`, `driving_audio` and
    `final_audio`.

    Parameters
    ----------
    where : name of the list in what is said of it
    base : folder that the sound files' names start from
    folder : of the films
    on_failure : told of each line that is no message, by its number; the others count
    """
    messages: list[Message] = []
    seen: dict[Path, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            message = _read_line(line, base, folder)
            if message.output in seen:
                raise ValueError(f"{message.output.name} is the output of line {seen[message.output]}, too")
            seen[message.output] = number
            messages.append(message)
        except (InputError, ValueError) as error:
            on_failure(InputError(f"line {number}: {error}", where))
    return messages


def make_messages(
    messages: list[Message],
    prepare: Prepare,
    make: Callable[[Job], Result],
    force: bool = False,
    *,
    on_failure: OnFailure = lambda error: None,
    on_skip: Callable[[Message], None] = lambda message: None,
    on_done: Callable[[Message, Result], None] = lambda message, result: None,
) -> Made:
    """Make the films that are not there yet.

    Parameters
    ----------
    prepare : `prepare` with the presenter and its options filled in
    make : makes the film of a job
    force : make all of them anew
    on_failure, on_skip, on_done : told of each message that fails, that is there already, that was made

    Raises
    ------
    LipsyncError : nothing can be made: it is the presenter, the options or the program that fails
    """
    report = Made()
    like: Job | None = None
    for message in messages:
        if message.output.exists() and not force:
            report.skipped.append(message.output)
            on_skip(message)
            continue
        try:
            if not message.speech.exists():
                raise InputError("no such file", message.speech)
            with prepare(message.speech, message.output, like=like, **message.options) as job:
                like = job
                result = make(job)
        except LipsyncError as error:
            is_general = isinstance(error, UsageError) or (isinstance(error, ToolError) and error.path is None)
            if is_general or not _is_of(error, message):
                raise
            on_failure(error if error.path is not None else type(error)(error.fact, message.speech, error.hint))
            continue
        report.made.append(message.output)
        on_done(message, result)
    return report


def _is_of(error: LipsyncError, message: Message) -> bool:
    """Tell whether it is the message that failed, and not what all of them share."""
    own = [message.speech, message.output, *(message.options.get(name) for name in FILES)]
    return error.path is None or Path(error.path) in own


def _read_line(line: str, base: Path, folder: Path) -> Message:
    values = parse_json(line)
    if not isinstance(values, dict):
        raise ValueError("is no JSON object")
    known = ("speech", "output", *CHOICES, *FILES)
    if unknown := sorted(set(values) - {*known, *OLD_NAMES}):
        raise ValueError(f"{unknown[0]!r} is not known, only {', '.join(known)}")
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text, not {json.dumps(value)}")
        if "\0" in value:
            raise ValueError(f"{name} holds a NUL character")
    if "speech" not in values:
        raise ValueError("has no speech")
    values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
    for name, choices in CHOICES.items():
        if name in values:
            values[name] = SYNONYMS.get(values[name].lower(), values[name].lower())
        if name in values and values[name] not in choices:
            raise ValueError(f"{name} is {values[name]!r}, not one of {', '.join(choices)}")
    speech = base / values["speech"]
    name = PurePath(values.get("output", f"{speech.stem}.mp4"))
    if name.is_absolute() or len(name.parts) != 1 or name.name == "..":
        raise ValueError(f"output {str(name)!r} must be a name in the output folder, without a path")
    if not name.suffix:
        name = name.with_name(name.name + ".mp4")
    if name.suffix.lower() not in FILMS:
        raise ValueError(f"{name.suffix} is no kind of video; choose from {', '.join(FILMS)}")
    options: dict[str, Any] = {key: values[key] for key in CHOICES if key in values}
    options |= {key: base / values[key] for key in FILES if key in values}
    return Message(speech, folder / name, options)
