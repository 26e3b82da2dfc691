"""Many speeches of one presenter to a film each: the face is found once for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.shard import find_shard
from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError
from lipsync_cli.pipelines.callbacks import Notify, OnFailure, Progress, ignore
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.infer import open_session
from lipsync_cli.pipelines.inference.infer_on_cluster import make_elsewhere
from lipsync_cli.pipelines.inference.message_parts import PartFilms
from lipsync_cli.pipelines.inference.message_report import MessageReport
from lipsync_cli.pipelines.inference.message_speech import Rehearsed, estimate, open_speaker, rehearse
from lipsync_cli.pipelines.inference.standard_streams import check_no_pipe
from lipsync_cli.runtime.run_inputs import keep_inputs

if TYPE_CHECKING:
    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.messages import Message
    from lipsync_cli.synthesis.table_reader import Row

STDIN = Path("-")
OnDone = Callable[["Message", "Result"], None]


@dataclass(frozen=True)
class BatchPlan:
    """What a list of speeches would come to.

    Attributes
    ----------
    output : the folder
    messages : how many speeches can be spoken
    to_make, ready : how many films are not there yet, and how many are
    failed : how many lines of the list are no message, or cannot be spoken
    texts : of messages that are spoken: the videos and what they say
    duration_s : of these messages' speech, all together
    estimated_s : that the missing videos will take, see `pipelines.inference.message_speech`
    """

    output: Path
    messages: int
    to_make: int
    ready: int
    failed: int
    texts: list[Rehearsed] = field(default_factory=list)
    duration_s: float = 0.0
    estimated_s: float = 0.0


@dataclass(frozen=True)
class BatchResult:
    """What came of a list of speeches.

    Attributes
    ----------
    output : the folder
    made, skipped : the films that were made now, and those that were there already
    failed : how many lines or speeches failed
    """

    output: Path
    made: list[Path]
    skipped: list[Path]
    failed: int

    @property
    def total(self) -> int:
        """How many speeches there were."""
        return len(self.made) + len(self.skipped) + self.failed


@keeps_inputs
def run(
    config: InferConfig,
    lines: Iterable[str] | None = None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    notify: Notify = ignore,
    on_failure: OnFailure = ignore,
    on_done: OnDone = lambda message, result: None,
) -> BatchResult:
    """Make a film of each speech named, or of each line of the list; films that are there are kept, without `force`.

    Parameters
    ----------
    lines : of the list where it is "-"
    cache, progress, notify : as for `pipelines.inference.infer.run`
    on_failure : told of each line or speech that fails; the others are made
    on_done : told of each film that is made

    Raises
    ------
    LipsyncError : nothing can be made: it is the presenter, the options or the program that fails
    """
    from lipsync_cli.synthesis.messages import make_messages

    failures = _Failures(on_failure)
    folder, messages = _collect(config, lines, failures, notify)
    page = MessageReport(config, failures) if config.message.report is not None else None
    fail = failures if page is None else page.fail

    def skip(message: Message) -> None:
        notify(f"{message.output}: exists and is kept; --force makes it again")
        if page is not None:
            page.add(message)

    def tell(message: Message, result: Result) -> None:
        on_done(message, result)
        if page is not None:
            page.add(message)

    speeches = [message.speech for message in messages if message.speech is not None]
    if config.message.cluster is not None:
        with keep_inputs(path for message in messages for path in message.inputs):
            _make_folder(folder)
            told: dict[str, Any] = {"on_failure": fail, "on_skip": skip, "on_done": tell}
            report = make_elsewhere(config, messages, progress=progress, notify=notify, **told)
            if page is not None:
                page.write()
        return BatchResult(folder, report.made, report.skipped, failures.number)
    with (
        keep_inputs(path for message in messages for path in message.inputs),
        open_session(config, speeches, cache=cache, progress=progress, notify=notify) as session,
        ExitStack() as opened,
    ):
        speaker = open_speaker(config, messages)
        _make_folder(folder)
        films = opened.enter_context(PartFilms(speaker, _rate(config), session.make, notify)) if speaker else None
        report = make_messages(
            messages,
            session.prepare,
            session.make if films is None else films.make,
            config.files.force,
            speak=None if films is None else films.speak,
            on_failure=fail,
            on_skip=skip,
            on_done=tell,
        )
        if page is not None:
            page.write()
    return BatchResult(folder, report.made, report.skipped, failures.number)


@keeps_inputs
def plan(
    config: InferConfig,
    lines: Iterable[str] | None = None,
    *,
    cache: Path | None = None,
    notify: Notify = ignore,
    on_failure: OnFailure = ignore,
) -> BatchPlan:
    """Read the list and say what `run` would make; texts are spoken to tell how long they are, nothing is kept."""
    failures = _Failures(on_failure)
    folder, messages = _collect(config, lines, failures, notify)
    with open_session(config, cache=cache, notify=notify, dry_run=True):
        pass  # says what is wrong with the options
    speaker = open_speaker(config, messages)
    number = failures.number
    texts = [] if speaker is None else rehearse(messages, speaker, config.files.force, failures)
    num_messages = len(messages) - (failures.number - number)
    ready = 0 if config.files.force else sum(message.output.exists() for message in messages)
    return BatchPlan(
        folder,
        num_messages,
        num_messages - ready,
        ready,
        failures.number,
        texts,
        sum(each.duration_s for each in texts),
        estimate(texts),
    )


class _Failures:
    """Counts the failures that it passes on."""

    def __init__(self, on_failure: OnFailure) -> None:
        self._on_failure, self.number = on_failure, 0

    def __call__(self, error: LipsyncError) -> None:
        self.number += 1
        self._on_failure(error)


def _collect(
    config: InferConfig, lines: Iterable[str] | None, failures: _Failures, notify: Notify
) -> tuple[Path, list[Message]]:
    """Return the folder and the messages, of which there is one at least if no line has failed."""
    files = config.files
    check_no_pipe(config)
    if config.voice.driving_audio or config.voice.final_audio:
        raise UsageError(
            "--driving-audio and --final-audio are for one speech", hint="name them in the list of --messages"
        )
    if config.voice.dub:
        raise UsageError("--dub is for one file of words", hint="make the video of that file alone")
    if config.voice.words:
        raise UsageError("--words is for one speech", hint="make the video of that speech alone")
    if config.advanced.debug_video:
        raise UsageError("--debug-video is for one speech", hint="make the video of that speech alone")
    if files.output is None:
        raise UsageError("several speeches need a folder for the videos", hint="name one with -o")
    shard = find_shard(config.message.shard)
    if shard is None:
        return files.output, _find_messages(config, lines, failures, notify)
    messages = _find_messages(config, lines, failures if shard.is_first else _Failures(ignore), notify)
    mine = shard.take(messages)
    notify(f"{files.output}: shard {shard} has {len(mine)} of {len(messages)} messages")
    if not mine:
        fact = f"shard {shard} has none of the {len(messages)} messages"
        raise NothingToDoError(fact, files.messages or files.output, "ask for fewer shards")
    return files.output, mine


def _find_messages(
    config: InferConfig, lines: Iterable[str] | None, failures: _Failures, notify: Notify
) -> list[Message]:
    """Return the messages that options or a list name, of which there is one at least if no line has failed."""
    from lipsync_cli.synthesis.messages import name_messages

    files = config.files
    assert files.output is not None
    if files.messages is None:
        if config.message.text is not None or config.message.names is not None:
            raise UsageError("--text and --names go with --messages", hint="name a table with --messages")
        return name_messages(files.speech, files.output)
    if files.speech:
        raise UsageError("speeches are named and --messages, too", hint="give one of the two")
    messages = _read_list(config, files.messages, files.output, lines, failures=failures, notify=notify)
    if not messages and not failures.number:
        raise NothingToDoError("the list is empty", files.messages)
    return messages


def _read_list(
    config: InferConfig,
    path: Path,
    folder: Path,
    lines: Iterable[str] | None,
    *,
    failures: _Failures,
    notify: Notify,
) -> list[Message]:
    from lipsync_cli.config.check_values import suggest
    from lipsync_cli.config.placeholders import parse_template
    from lipsync_cli.synthesis import table_reader as tables
    from lipsync_cli.synthesis.message_names import read_names
    from lipsync_cli.synthesis.message_parts import check_marks, has_marks
    from lipsync_cli.synthesis.messages import KNOWN, LINE, Wording, plan_messages

    words, where, asked = None, str(path), config.message
    if asked.text is not None:
        words = parse_template(asked.text, "--text")
        if not words.text.strip():
            raise UsageError("--text is empty", hint="say what the messages say")
        if has_marks(words.text):
            check_marks(words, "--text")
    names, suffix = (None, ".mp4") if asked.names is None else read_names(asked.names)
    wording = Wording(words, names, suffix, asked.voice, asked.lang)
    base = Path() if path == STDIN else path.parent
    is_table = path != STDIN and tables.is_table(path)
    if is_table:
        text = tables.read_text(path)
        _, columns = tables.read_columns(text, path)
        for template, option in ((words, "--text"), (names, "--names")):
            if template is not None:
                template.check([*columns, LINE], option, where)
        if words is None and not {"text", "speech"} & set(columns):
            near = next((hint for name in ("text", "speech") if (hint := suggest(name, columns))), None)
            hint = f"rename {near.split()[-1][:-1]}" if near else "say with --text what the messages say"
            raise InputError("line 1: has no column text and no column speech", path, hint)
        unused = [name for name in columns if name not in (*KNOWN, *wording.fields)]
        hints = [f"{name}: {near}" for name in unused if (near := suggest(name, KNOWN)) is not None]
        if unused:
            notify("; ".join([f"{path}: columns that are not used: {', '.join(unused)}", *hints]))
        rows: Iterable[Row] = (_drop_empty(row, KNOWN) for row in tables.read_rows(text, path, failures))
    else:
        given = (lines or ()) if path == STDIN else tables.read_text(path).split("\n")
        rows = tables.read_json_rows(given, where, failures)
    allows_more = is_table or words is not None or names is not None
    return plan_messages(rows, where, base, folder, failures, wording, allows_more=allows_more, notify=notify)


def _drop_empty(row: Row, known: Iterable[str]) -> Row:
    """Leave out cells that are empty: in a table, that is how nothing is said."""
    return replace(row, values={name: value for name, value in row.values.items() if value or name not in known})


def _rate(config: InferConfig) -> Fraction:
    """Return how many frames a second the presenter has."""
    from lipsync_cli.config.quantities import parse_rate
    from lipsync_cli.media.probe import probe

    info = probe(config.files.face)
    is_video = info.video is not None and not info.is_image
    return info.video.rate if is_video and info.video is not None else parse_rate(config.quality.fps)


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file; of several speeches, videos are written into a folder", folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", folder, "make its parent folder first") from error
