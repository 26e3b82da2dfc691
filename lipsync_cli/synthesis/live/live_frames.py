"""The frames of a live film: each when the sound that it shows has come, at the presenter's rate.

The sound is the clock. A frame of number n belongs to the time n / rate of the sound, for ever, so that picture and
sound cannot drift apart. Where no sound comes, silence takes its place, so that the film goes on.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from lipsync_cli.media.sound.live_sound import Piece, SoundFeed
from lipsync_cli.media.sound.resampler import Resampler
from lipsync_cli.runtime.wall_clock import Clock
from lipsync_cli.speech.mel import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.live.live_speech import LiveSpeech
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource

STALL_S = 0.3  # without sound, after which silence is heard
AHEAD_S = 1.0  # that the film may be ahead of real time, where the sound comes faster
FASTER = 1.02  # so much faster than real time goes what has come before: a second is caught up in 50 s
LONGEST = 8  # silent pieces of a batch each, at most, that a stall begins with
AFTER_S = 2  # of silence that follows the end
LATE_S = 0.002  # so much later, at most, the sound has passed the resampler
DUES = 4096  # moments of the sound whose due time is known: a minute and more


class LiveSound:
    """The sound that has come, for the mouth and for the film, and when.

    Parameters
    ----------
    feed : where it comes from
    speech : hears it too
    clock : of the feed
    piece_s : of silence that is put in at once where nothing comes

    Attributes
    ----------
    num_heard : how many samples have come, silence included
    sample_rate : of them, in Hz
    heard_s : the same in seconds
    silent_s : how much silence was put in
    has_ended : whether no more will come
    """

    def __init__(self, feed: SoundFeed, speech: LiveSpeech, clock: Clock, piece_s: float) -> None:
        self._feed, self._speech, self._clock, self._piece_s = feed, speech, clock, piece_s
        self._resampler = Resampler(feed.sample_rate, SAMPLE_RATE)
        self._lock = threading.Lock()
        self._pieces: deque[np.ndarray] = deque()
        self.sample_rate, self.num_heard = feed.sample_rate, 0
        self._taken = self._num_silent = 0
        self._covered_s: float | None = None  # until when, on the clock, the sound that has come lasts
        self._dues: deque[tuple[float, float]] = deque(maxlen=DUES)
        self._is_stalled = False
        self.has_ended = False

    @property
    def heard_s(self) -> float:
        """See the class."""
        return self.num_heard / self.sample_rate

    @property
    def silent_s(self) -> float:
        """See the class."""
        return self._num_silent / self.sample_rate

    def wait_until(self, moment_s: float) -> None:
        """Take sound until there is as much as this, or the end."""
        while self.heard_s < moment_s and not self.has_ended:
            now = self._clock.now()
            if self._covered_s is None:
                self._covered_s = now
            deadline_s = self._covered_s + (self._piece_s if self._is_stalled else STALL_S)
            piece = self._feed.read(max(0.0, deadline_s - now))
            if piece is None:
                self.has_ended = True
                self._speech.add(self._silence(AFTER_S * SAMPLE_RATE)[:, 0])  # to the mouth, silence follows
            elif len(piece.samples):
                self._is_stalled = False
                self._keep(piece)
            elif self._clock.now() >= deadline_s:
                self._is_stalled = True
                self._fall_silent(self._clock.now())

    def due_s(self, moment_s: float) -> float:
        """Return when, on the clock, a moment of the sound was there, or in real time would have been."""
        with self._lock:
            dues = list(self._dues)
        place = bisect_left(dues, (moment_s, float("-inf")))
        return dues[min(place, len(dues) - 1)][1] if dues else self._clock.now()

    def take(self, until_s: Fraction) -> np.ndarray:
        """Return the sound that was not taken yet, up to a moment, as far as it has come: (n, channels) float32."""
        import numpy as np

        with self._lock:
            left = min(round(until_s * self.sample_rate), self.num_heard) - self._taken
            parts = []
            while left > 0:
                piece = self._pieces.popleft()
                if len(piece) > left:
                    self._pieces.appendleft(piece[left:])
                    piece = piece[:left]
                parts.append(piece)
                left -= len(piece)
                self._taken += len(piece)
        return np.concatenate(parts) if parts else self._silence(0)

    def _keep(self, piece: Piece) -> None:
        assert self._covered_s is not None
        length_s = len(piece.samples) / self.sample_rate
        covered_s = max(self._covered_s + length_s, piece.arrived_s)
        self._covered_s = min(covered_s, self._clock.now() + AHEAD_S)
        self._add(piece.samples, covered_s)

    def _fall_silent(self, now: float) -> None:
        assert self._covered_s is not None
        missing_s = min(max(now - self._covered_s, self._piece_s), LONGEST * self._piece_s)
        samples = self._silence(round(missing_s * self.sample_rate))
        self._covered_s = max(self._covered_s + missing_s, now)
        self._num_silent += len(samples)
        self._add(samples, now)

    def _add(self, samples: np.ndarray, due_s: float) -> None:
        self._speech.add(self._resampler.add(samples.mean(1)))
        with self._lock:
            self._pieces.append(samples)
            self.num_heard += len(samples)
            self._dues.append((self.heard_s, due_s))

    def _silence(self, count: int) -> np.ndarray:
        import numpy as np

        return np.zeros((count, self._feed.channels), np.float32)


class LiveFrames:
    """Gives mid-time, frame index and pixels of each frame in turn, as `Renderer.stream` takes them.

    Parameters
    ----------
    source : the presenter, who is shown back and forth, or a photo
    rate : frames a second
    sound : that the film follows
    clock : of the sound
    ahead_s : how much sound after its middle a frame waits for
    skips : asked whether a frame should not be drawn that is so late, in seconds after its sound was there
    """

    def __init__(
        self,
        source: ScannedSource,
        rate: Fraction,
        sound: LiveSound,
        clock: Clock,
        ahead_s: float,
        *,
        skips: Callable[[float], bool] = lambda late_s: False,
    ) -> None:
        self._source, self._rate, self._sound, self._clock = source, rate, sound, clock
        self._ahead_s, self._skips = ahead_s, skips

    def __iter__(self) -> Iterator[tuple[float, int, Frame]]:
        """Give the frames, without an end as long as the sound has none."""
        credit_s, before_s = AHEAD_S, self._clock.now()
        length_s = float(1 / self._rate)
        for number, (index, pixels) in enumerate(show_endlessly(self._source)):
            middle_s = float((number + Fraction(1, 2)) / self._rate)
            self._sound.wait_until(middle_s + self._ahead_s + LATE_S)
            if self._sound.has_ended and number / self._rate >= self._sound.heard_s:
                return
            now = self._clock.now()
            credit_s, before_s = min(AHEAD_S, credit_s + FASTER * (now - before_s)) - length_s, now
            if credit_s < 0:
                self._clock.wait(-credit_s / FASTER)
            if not self._skips(self._clock.now() - self._sound.due_s(middle_s + self._ahead_s)):
                yield middle_s, index, pixels


def show_endlessly(source: ScannedSource) -> Iterator[tuple[int, Frame]]:
    """Give index and pixels of the frames back and forth, none twice at the turns, for ever."""
    import numpy as np

    forth = np.arange(source.num_frames)
    if len(forth) > 1:
        forth = np.concatenate([forth, forth[-2:0:-1]])
    while True:
        yield from source.frames(forth)
