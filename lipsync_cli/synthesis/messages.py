"""Many speeches for one presenter: which films are to be made, and making those that are not there yet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from lipsync_cli.config.check_values import suggest
from lipsync_cli.config.placeholders import TextTemplate
from lipsync_cli.config.quantities import EXTEND, EXTEND_SYNONYMS
from lipsync_cli.errors import InputError, LipsyncError, ToolError, UsageError
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.synthesis.drivers.speech_driver import SILENCES
from lipsync_cli.synthesis.film import Result
from lipsync_cli.synthesis.job import Job, Prepare
from lipsync_cli.synthesis.message_names import make_safe, name_after, replace_forbidden
from lipsync_cli.synthesis.message_parts import CLOSE, OPEN, Part, has_marks, split_marked
from lipsync_cli.synthesis.rendering.film_output import FILMS
from lipsync_cli.synthesis.table_reader import OnFailure, Row, read_json_rows

CHOICES = {"extend": EXTEND, "silence": SILENCES}
FILES = ("driving_audio", "final_audio")
LINE = "line"  # a field of templates: the row's line
OLD_NAMES = {"drive_audio": "driving_audio"}
SYNONYMS = EXTEND_SYNONYMS
KNOWN = ("speech", "output", "text", "voice", "lang", *CHOICES, *FILES)


@dataclass(frozen=True)
class Spoken:
    """A text and who speaks it, None: the synthesiser's own choice; and its parts, where some of it is shared."""

    text: str
    voice: str | None = None
    language: str | None = None
    parts: tuple[Part, ...] = ()


Speak = Callable[[Spoken], AbstractContextManager[Path]]


@dataclass(frozen=True)
class Wording:
    """What all messages of a table share.

    Attributes
    ----------
    text : template of the text; None: the column `text` holds it
    names : template of the videos' names, without their suffix; None: after the sound file or the text
    suffix : of the videos' names
    voice, language : of texts where the row names none
    """

    text: TextTemplate | None = None
    names: TextTemplate | None = None
    suffix: str = ".mp4"
    voice: str | None = None
    language: str | None = None

    @property
    def fields(self) -> set[str]:
        """Names of the columns that the templates ask for."""
        return {name for each in (self.text, self.names) if each is not None for name in each.fields}


@dataclass(frozen=True)
class Message:
    """One film to make.

    Attributes
    ----------
    speech : the sound file; None: the text is spoken
    output : the film
    options : of `JobSettings.with_options`, that only this message has
    spoken : what is spoken where there is no sound file
    place : list and line it stands on, for errors
    """

    speech: Path | None
    output: Path
    options: dict[str, Any] = field(default_factory=dict)
    spoken: Spoken | None = None
    place: tuple[str, int] | None = field(default=None, compare=False)

    @property
    def inputs(self) -> list[Path]:
        """The files that are read for it."""
        own = [] if self.speech is None else [self.speech]
        return [*own, *(self.options[name] for name in FILES if name in self.options)]

    def locate(self, error: LipsyncError) -> LipsyncError:
        """Return an error that names the user's file: the sound, or of a text its list and line."""
        if self.spoken is None or self.place is None:
            return error if error.path is not None else type(error)(error.fact, self.speech, error.hint)
        where, line = self.place
        own = f"{self.output.name}: " if error.path == self.output else ""
        return type(error)(f"line {line}: {own}{error.fact}", where, error.hint)


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
    messages: list[Message] = []
    seen: dict[Path, Path] = {}
    for speech in speeches:
        message = Message(speech, folder / f"{speech.stem}.mp4")
        messages.append(message)
        other = seen.setdefault(message.output, speech)
        if other is not speech:
            raise UsageError(
                f"{other} and {speech} would both become {message.output}",
                hint="name the outputs in a list, see --messages",
            )
    return messages


def read_messages(lines: Iterable[str], where: str, base: Path, folder: Path, on_failure: OnFailure) -> list[Message]:
    """Read a list of messages: one JSON object a line; see `plan_messages`."""
    return plan_messages(read_json_rows(lines, where, on_failure), where, base, folder, on_failure)


def plan_messages(
    rows: Iterable[Row],
    where: str,
    base: Path,
    folder: Path,
    on_failure: OnFailure,
    wording: Wording | None = None,
    *,
    allows_more: bool = False,
    notify: Callable[[str], None] = lambda text: None,
) -> list[Message]:
    """Make messages of the rows of a table.

    Each has `speech` or `text`, and may have `output` (a name in the folder), `voice`, `lang`, `extend`, `silence`,
    `driving_audio` and `final_audio`.

    Parameters
    ----------
    where : name of the table in what is said of it
    base : folder that the sound files' names start from
    folder : of the films
    on_failure : told of each row that is no message, by its line; the others count
    wording : templates for texts and names
    allows_more : whether rows may hold what no template asks for
    notify : told in words of texts that are there twice
    """
    messages: list[Message] = []
    seen: dict[str, Message] = {}
    for row in rows:
        try:
            message = _make_message(row, where, base, folder, wording or Wording(), allows_more)
            other = seen.setdefault(message.output.name.casefold(), message)
            is_same = other.output == message.output or message.spoken is not None
            if other is message or not is_same:
                messages.append(message)
            elif message.spoken is not None and (other.spoken, other.options) == (message.spoken, message.options):
                notify(f"{where}: line {row.line}: the same as line {_line(other)}, made once")
            else:
                raise ValueError(f"{message.output.name} is the output of line {_line(other)}, too")
        except (InputError, ValueError) as error:
            on_failure(InputError(f"line {row.line}: {error}", where))
    return messages


def make_messages(
    messages: list[Message],
    prepare: Prepare,
    make: Callable[[Job], Result],
    force: bool = False,
    *,
    speak: Speak | None = None,
    on_failure: OnFailure = lambda error: None,
    on_skip: Callable[[Message], None] = lambda message: None,
    on_done: Callable[[Message, Result], None] = lambda message, result: None,
) -> Made:
    """Make the films that are not there yet; two of the same text and voice are made once, and copied.

    Parameters
    ----------
    prepare : `prepare` with the presenter and its options filled in
    make : makes the film of a job
    force : make all of them anew
    speak : gives a sound file of a text, for as long as a block lasts; needed where a message is a text
    on_failure, on_skip, on_done : told of each message that fails, that is there already, that was made

    Raises
    ------
    LipsyncError : nothing can be made: it is the presenter, the options or the program that fails
    """
    report = Made()
    like: Job | None = None
    done: dict[Spoken, tuple[Message, Result]] = {}
    for message in messages:
        if message.output.exists() and not force:
            report.skipped.append(message.output)
            on_skip(message)
            continue
        speech = message.speech
        try:
            with ExitStack() as opened:
                alike = done.get(message.spoken) if message.spoken is not None else None
                if alike is not None and alike[0].options == message.options and alike[1].sidecar is None:
                    result = _copy(alike[1], message.output, force)
                else:
                    if message.spoken is not None:
                        assert speak is not None
                        speech = opened.enter_context(speak(message.spoken))
                    if speech is None or not speech.exists():
                        raise InputError("no such file", speech)
                    job = opened.enter_context(prepare(speech, message.output, like=like, **message.options))
                    like = job
                    result = make(job)
        except LipsyncError as error:
            is_general = isinstance(error, UsageError) or (isinstance(error, ToolError) and error.path is None)
            if is_general or not _is_of(error, message, speech):
                raise
            on_failure(message.locate(error))
            continue
        if message.spoken is not None:
            done[message.spoken] = (message, result)
        report.made.append(message.output)
        on_done(message, result)
    return report


def _copy(result: Result, output: Path, force: bool) -> Result:
    with atomic_output(output, force) as temporary:
        shutil.copyfile(result.output, temporary)
    return replace(result, output=output)


def _is_of(error: LipsyncError, message: Message, speech: Path | None) -> bool:
    """Tell whether it is the message that failed, and not what all of them share."""
    own = [speech, message.output, *(message.options.get(name) for name in FILES)]
    return error.path is None or Path(error.path) in own


def _line(message: Message) -> int:
    return 0 if message.place is None else message.place[1]


def _make_message(row: Row, where: str, base: Path, folder: Path, wording: Wording, allows_more: bool) -> Message:
    values = _check(row, allows_more)
    spoken = None if "speech" in values else _make_spoken(row, values, wording)
    speech = base / values["speech"] if spoken is None else None
    if "output" in values:
        name = _check_output(values["output"])
    elif wording.names is not None:
        name = PurePath(make_safe(_fill(wording.names, "--names", row, replace_forbidden)) + wording.suffix)
    elif speech is not None:
        name = PurePath(f"{speech.stem}.mp4")
    else:
        assert spoken is not None
        name = PurePath(f"{name_after(spoken.text, spoken.voice, spoken.language)}.mp4")
    options: dict[str, Any] = {key: values[key] for key in CHOICES if key in values}
    options |= {key: base / values[key] for key in FILES if key in values}
    return Message(speech, folder / name, options, spoken, (where, row.line))


def _check(row: Row, allows_more: bool) -> dict[str, str]:
    """Return the values that are known by their names, under their names of today."""
    values = row.values
    if not allows_more and (unknown := sorted(set(values) - {*KNOWN, *OLD_NAMES})):
        raise ValueError(f"{unknown[0]!r} is not known, only {', '.join(KNOWN)}")
    for name, value in values.items():
        if name not in KNOWN and name not in OLD_NAMES:
            continue
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text, not {json.dumps(value)}")
        if "\0" in value:
            raise ValueError(f"{name} holds a NUL character")
    values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
    for name, choices in CHOICES.items():
        if name in values:
            values[name] = SYNONYMS.get(values[name].lower(), values[name].lower())
        if name in values and values[name] not in choices:
            raise ValueError(f"{name} is {values[name]!r}, not one of {', '.join(choices)}")
    return values


def _make_spoken(row: Row, values: dict[str, str], wording: Wording) -> Spoken:
    parts: tuple[Part, ...] = ()
    if wording.text is not None and has_marks(wording.text.text):
        marked = _fill(wording.text, "--text", row, _without_brackets)
        parts, text = split_marked(marked), marked.replace(OPEN, "").replace(CLOSE, "")
    elif wording.text is not None:
        text = _fill(wording.text, "--text", row)
    elif "text" in values:
        text = values["text"]
    else:
        raise ValueError("has no speech and no text")
    if not text.strip():
        raise ValueError("its text is empty")
    return Spoken(text, values.get("voice", wording.voice), values.get("lang", wording.language), parts)


def _without_brackets(value: str) -> str:
    """Leave out of a value what could be taken for a mark; nobody says it."""
    return value.replace("[", "").replace("]", "")


def _fill(template: TextTemplate, option: str, row: Row, change: Callable[[str], str] = str) -> str:
    values: dict[str, str] = {LINE: str(row.line)}
    for name, value in row.values.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            values[name] = str(value).strip()
    for name in template.fields:
        if name not in values:
            raise ValueError(
                "; ".join(filter(None, [f"has no {name}, which {option} asks for", suggest(name, values)]))
            )
        if not values[name]:
            raise ValueError(f"its {name} is empty, which {option} asks for")
        if "\0" in values[name]:
            raise ValueError(f"{name} holds a NUL character")
    return template.fill(values, change)


def _check_output(text: str) -> PurePath:
    name = PurePath(text)
    if name.is_absolute() or len(name.parts) != 1 or name.name == "..":
        raise ValueError(f"output {str(name)!r} must be a name in the output folder, without a path")
    if not name.suffix:
        name = name.with_name(name.name + ".mp4")
    if name.suffix.lower() not in FILMS:
        raise ValueError(f"{name.suffix} is no kind of video; choose from {', '.join(FILMS)}")
    return name
