"""Many speeches of one presenter to a film each: the face is found once for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.infer import open_session
from lipsync_cli.pipelines.report import Notify, OnFailure, Progress, ignore
from lipsync_cli.runtime.run_inputs import keep_inputs

if TYPE_CHECKING:
    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.messages import Message

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
    failed : how many lines of the list are no message
    """

    output: Path
    messages: int
    to_make: int
    ready: int
    failed: int


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
    cache, progress, notify : as for `pipelines.infer.run`
    on_failure : told of each line or speech that fails; the others are made
    on_done : told of each film that is made

    Raises
    ------
    LipsyncError : nothing can be made: it is the presenter, the options or the program that fails
    """
    from lipsync_cli.synthesis.messages import make_messages

    failures = _Failures(on_failure)
    folder, messages = _collect(config, lines, failures)
    speeches = [message.speech for message in messages]
    with (
        keep_inputs(path for message in messages for path in message.inputs),
        open_session(config, speeches, cache=cache, progress=progress, notify=notify) as session,
    ):
        _make_folder(folder)
        report = make_messages(
            messages,
            session.prepare,
            session.make,
            config.files.force,
            on_failure=failures,
            on_skip=lambda message: notify(f"{message.output}: exists and is kept; --force makes it again"),
            on_done=on_done,
        )
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
    """Read the list and say what `run` would make; nothing is written."""
    failures = _Failures(on_failure)
    folder, messages = _collect(config, lines, failures)
    with open_session(config, cache=cache, notify=notify, dry_run=True):
        pass  # says what is wrong with the options
    ready = 0 if config.files.force else sum(message.output.exists() for message in messages)
    return BatchPlan(folder, len(messages), len(messages) - ready, ready, failures.number)


class _Failures:
    """Counts the failures that it passes on."""

    def __init__(self, on_failure: OnFailure) -> None:
        self._on_failure, self.number = on_failure, 0

    def __call__(self, error: LipsyncError) -> None:
        self.number += 1
        self._on_failure(error)


def _collect(config: InferConfig, lines: Iterable[str] | None, failures: _Failures) -> tuple[Path, list[Message]]:
    """Return the folder and the messages, of which there is one at least if no line has failed."""
    from lipsync_cli.synthesis.messages import name_messages, read_messages

    files = config.files
    if config.voice.driving_audio or config.voice.final_audio:
        raise UsageError(
            "--driving-audio and --final-audio are for one speech", hint="name them in the list of --messages"
        )
    if config.advanced.debug_video:
        raise UsageError("--debug-video is for one speech", hint="make the video of that speech alone")
    if files.output is None:
        raise UsageError("several speeches need a folder for the videos", hint="name one with -o")
    if files.messages is None:
        return files.output, name_messages(files.speech, files.output)
    if files.speech:
        raise UsageError("speeches are named and --messages, too", hint="give one of the two")
    if files.messages == STDIN:
        messages = read_messages(lines or (), "-", Path(), files.output, failures)
    else:
        messages = _read_list(files.messages, files.output, failures)
    if not messages and not failures.number:
        raise NothingToDoError("the list is empty", files.messages)
    return files.output, messages


def _read_list(path: Path, folder: Path, failures: _Failures) -> list[Message]:
    from lipsync_cli.synthesis.messages import read_messages

    try:
        with open(path, encoding="utf-8") as lines:
            return read_messages(lines, str(path), path.parent, folder, failures)
    except FileNotFoundError:
        raise InputError("no such file", path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", path) from error


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file; of several speeches, videos are written into a folder", folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made ({error.strerror})", folder, "make its parent folder first") from error
