"""Messages of which only a part varies, spoken part by part and drawn where they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.pipelines.callbacks import Notify
from lipsync_cli.pipelines.inference.message_speech import Speaker
from lipsync_cli.pipelines.inference.words.dubbing import write_sound
from lipsync_cli.runtime.temporary import temporary_folder

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.synthesis.film import Result
    from lipsync_cli.synthesis.job import Job
    from lipsync_cli.synthesis.message_parts import Laid, Part
    from lipsync_cli.synthesis.messages import Spoken
    from lipsync_cli.synthesis.rendering.film_writer import Shared

BETWEEN_S = 0.04  # of silence between parts without punctuation
PAUSES_S = {",": 0.12, ";": 0.15, ":": 0.15, ".": 0.3, "!": 0.3, "?": 0.3}


class PartFilms:
    """Speaks and makes messages in parts; a context manager, whose end removes what they share.

    Parameters
    ----------
    speaker : speaks texts
    rate : of the presenter's frames
    make : makes the film of a job, with frames that others share
    notify : told once if the presenter's frames are not equally long, so that nothing can be shared
    """

    def __init__(
        self, speaker: Speaker, rate: Fraction, make: Callable[[Job, Shared | None], Result], notify: Notify
    ) -> None:
        from lipsync_cli.synthesis.message_parts import FrameStore

        self._speaker, self._rate, self._make, self._notify = speaker, rate, make, notify
        self._frames = FrameStore()
        self._sounds: dict[tuple[str, str | None, str | None], np.ndarray] = {}
        self._laid: dict[Path, tuple[list[Laid], str]] = {}
        self._is_told = False

    def __enter__(self) -> PartFilms:
        return self

    def __exit__(self, *error: object) -> None:
        self._frames.__exit__()

    @contextmanager
    def speak(self, spoken: Spoken) -> Iterator[Path]:
        """Give a sound file of a message, each of whose parts takes whole frames; see `Speaker.speak`."""
        import numpy as np

        from lipsync_cli.speech.dubbing import RATE
        from lipsync_cli.synthesis.message_parts import Laid

        if not spoken.parts:
            with self._speaker.speak(spoken) as path:
                yield path
            return
        pieces, laid, now = [], [], 0
        for number, part in enumerate(spoken.parts):
            samples = self._say(part, spoken, is_first=number == 0)
            frames = -(-len(samples) * self._rate // RATE)
            if part.varies and number + 1 < len(spoken.parts):
                frames += frames % 2
            laid.append(Laid(int(frames), part.varies))
            end = round(sum(each.num_frames for each in laid) * RATE / self._rate)
            pieces.append(np.pad(samples, (0, max(0, end - now - len(samples))))[: end - now])
            now = end
        with temporary_folder() as folder:
            path = folder / "speech.wav"
            write_sound(path, np.concatenate(pieces))
            self._laid[path] = laid, _name_shared(spoken)
            try:
                yield path
            finally:
                del self._laid[path]

    def make(self, job: Job) -> Result:
        """Make the film of a message that was spoken here."""
        from lipsync_cli.synthesis.message_parts import plan_parts, split_frames

        if (
            job.speech not in self._laid
            or job.schedule.spans
            or job.voices[0].path != job.speech
            or job.output.sound != job.speech
        ):
            return self._make(job, None)
        laid, shared = self._laid[job.speech]
        timeline = job.source.timeline
        if timeline.is_variable or timeline.rate != self._rate:
            if not self._is_told:
                self._notify(f"{job.source.path}: its frames are not equally long, so [[ ]] saves nothing")
                self._is_told = True
            return self._make(job, None)
        job = replace(job, schedule=plan_parts(laid, timeline, job.voices[0].duration_s))
        spans = split_frames(laid, self._rate)
        return self._make(job, self._frames.of(f"{shared}-{job.voices[0].silence}", spans))

    def _say(self, part: Part, spoken: Spoken, is_first: bool) -> np.ndarray:
        """Return the samples of a part, with the pause before it; those of shared parts are kept."""
        import numpy as np

        from lipsync_cli.media.sound.audio import read_speech
        from lipsync_cli.speech.dubbing import RATE, trim

        key = part.text, spoken.voice, spoken.language
        if key in self._sounds:
            return self._sounds[key]
        text = part.text.strip()
        while text and not text[0].isalnum():
            text = text[1:]
        with self._speaker.speak(replace(spoken, text=text, parts=())) as path:
            samples = trim(read_speech(path, RATE))
        pause_s = 0.0 if is_first else PAUSES_S.get(part.text.strip()[:1], BETWEEN_S)
        samples = np.concatenate([np.zeros(round(pause_s * RATE), np.float32), samples])
        if not part.varies:
            self._sounds[key] = samples
        return samples


def _name_shared(spoken: Spoken) -> str:
    """Return a name for all that messages with the same shared parts have in common."""
    shared = [(number, part.text) for number, part in enumerate(spoken.parts) if not part.varies]
    facts = shared, len(spoken.parts), spoken.voice, spoken.language
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
