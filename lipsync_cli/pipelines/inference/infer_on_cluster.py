"""Many speeches of one presenter to a video each, on the workers of a cluster."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipsync_cli.config.build import find_inputs
from lipsync_cli.errors import LipsyncError
from lipsync_cli.media.reading import Reading, read_as
from lipsync_cli.pipelines.callbacks import Notify, OnFailure, Progress
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.inference.infer import Session, open_session
from lipsync_cli.pipelines.inference.message_speech import Speaker, open_speaker
from lipsync_cli.pipelines.machine.resources import cache_folder
from lipsync_cli.runtime.processes.dask_cluster import LostError, open_runner
from lipsync_cli.runtime.run_inputs import keep_inputs

if TYPE_CHECKING:
    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.messages import Made, Message


@dataclass(frozen=True)
class _Task:
    config: InferConfig
    message: Message


@dataclass(frozen=True)
class _Answer:
    """What came of a message: the video, or why there is none, and what a user should know."""

    result: Result | None
    failure: LipsyncError | None
    notes: list[str]


def make_elsewhere(
    config: InferConfig,
    messages: Iterable[Message],
    *,
    progress: Progress | None,
    notify: Notify,
    on_failure: OnFailure,
    on_skip: Callable[[Message], None],
    on_done: Callable[[Message, Result], None],
) -> Made:
    """Make the videos that are not there yet; each worker looks at the presenter once.

    Parameters
    ----------
    progress : told how many videos are done
    notify : told once of what several workers have noticed
    on_failure, on_skip, on_done : as for `synthesis.messages.make_messages`

    Raises
    ------
    LipsyncError : nothing can be made: it is the presenter, the options or the cluster that fails
    """
    from lipsync_cli.synthesis.messages import Made

    report, tasks, told = Made(), list[_Task](), set[str]()
    for message in messages:
        if message.output.exists() and not config.files.force:
            report.skipped.append(message.output)
            on_skip(message)
        else:
            tasks.append(_Task(config, message))
    if not tasks:
        return report
    with open_runner(config.message.cluster) as do_tasks:
        for done, (task, answer, error) in enumerate(do_tasks(make_one, tasks, 0), 1):
            if error is not None and not isinstance(error, LostError):
                raise error
            for text in answer.notes if answer is not None else ():
                if text not in told:
                    notify(text)
                told.add(text)
            failure = error if answer is None else answer.failure
            if failure is not None:
                on_failure(task.message.locate(failure) if answer is None else failure)
            else:
                report.made.append(task.message.output)
                on_done(task.message, answer.result)
            if progress is not None:
                progress(done, len(tasks), "infer")
    return report


def make_one(task: _Task) -> _Answer:
    """Make one video on a worker."""
    from lipsync_cli.synthesis.messages import make_messages

    worker = _Worker.of(task)
    worker.notes.clear()
    made: list[Result] = []
    failures: list[LipsyncError] = []
    track = Reading(audio_track=task.config.files.audio_track)
    readings = dict.fromkeys(task.message.inputs, track)
    with keep_inputs([*find_inputs(task.config), *task.message.inputs]), read_as(readings):
        make_messages(
            [task.message],
            worker.session.prepare,
            worker.session.make,
            task.config.files.force,
            speak=None if worker.speaker is None else worker.speaker.speak,
            on_failure=failures.append,
            on_done=lambda message, result: made.append(result),
        )
    return _Answer(made[0] if made else None, failures[0] if failures else None, list(worker.notes))


class _Worker:
    """What the messages of one configuration share on a worker: it is opened for the first of them."""

    _at_work: _Worker | None = None

    def __init__(self, task: _Task) -> None:
        self.config, self.notes = task.config, list[str]()
        self._stack = ExitStack()
        speeches = [] if task.message.speech is None else [task.message.speech]
        opened = open_session(task.config, speeches, cache=cache_folder(), notify=self.notes.append)
        self.session: Session = self._stack.enter_context(opened)
        self.speaker: Speaker | None = open_speaker(task.config, [task.message])

    @classmethod
    def of(cls, task: _Task) -> _Worker:
        """Return the worker of this task's configuration, which is the last one's as a rule."""
        current = cls._at_work
        if current is not None and current.config == task.config:
            if task.message.spoken is not None and current.speaker is None:
                current.speaker = open_speaker(task.config, [task.message])
            return current
        cls.close_last()
        cls._at_work = cls(task)
        return cls._at_work

    @classmethod
    def close_last(cls) -> None:
        """Let go of what the last configuration's messages have shared."""
        if cls._at_work is not None:
            last, cls._at_work = cls._at_work, None
            last._stack.close()


atexit.register(_Worker.close_last)
