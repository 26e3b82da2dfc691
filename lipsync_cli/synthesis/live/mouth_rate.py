"""How many mouths a second are generated: all that the film has frames, or fewer where the machine is too slow."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner

MOST = 4  # frames that show the same mouth
SETTLE_S = 1.0  # from one change to slower to the next, at least
CALM_S = 10.0  # without delay, until more mouths are tried again; longer after each failed trial
FREE = 0.5  # of the allowed delay: below, the machine has time left
HOPELESS = 12.0  # times the allowed delay: then frames are not drawn at all


class MouthRate:
    """Decides how many frames show the same mouth, by how late they are.

    Parameters
    ----------
    rate : frames a second of the film
    allowed_s : delay that is no reason to change anything
    notify : told in words

    Attributes
    ----------
    stride : frames that show the same mouth: 1, if the machine is fast enough
    num_changes : how often it was changed
    """

    def __init__(self, rate: float, allowed_s: float, notify: Callable[[str], None] = lambda text: None) -> None:
        self._rate, self._allowed_s, self._notify = rate, allowed_s, notify
        self.stride, self.num_changes = 1, 0
        self._calm_since, self._changed_s, self._calm_s = 0.0, -float("inf"), CALM_S

    def is_hopeless(self, late_s: float) -> bool:
        """Tell whether a frame that comes so late, with the fewest mouths, should not be drawn."""
        return self.stride == MOST and late_s > HOPELESS * self._allowed_s

    def observe(self, moment_s: float, late_s: float) -> None:
        """Take note of how late a frame was.

        Parameters
        ----------
        moment_s : now, on any clock
        late_s : how long after its sound was there it was ready, in seconds
        """
        if late_s > FREE * self._allowed_s:
            self._calm_since = moment_s
        if late_s > self._allowed_s and self.stride < MOST and moment_s - self._changed_s >= SETTLE_S:
            if self.stride == 1 and self.num_changes:
                self._calm_s *= 2  # it was tried, and was too much
            self._change(moment_s, self.stride + 1)
        elif self.stride > 1 and moment_s - self._calm_since >= self._calm_s:
            self._change(moment_s, self.stride - 1)

    def _change(self, moment_s: float, stride: int) -> None:
        is_slower = stride > self.stride
        self.stride, self._changed_s, self._calm_since = stride, moment_s, moment_s
        self.num_changes += 1
        why = "the machine is too slow: " if is_slower else ""
        self._notify(f"{why}{self._rate / stride:.3g} mouths a second now, {self._rate:.3g} frames")


class SparseRunner:
    """A `GeneratorRunner` that generates for one of `stride` windows in a row; the others get the same mouth.

    Parameters
    ----------
    runner : that generates
    rate : whose `stride` counts when a batch begins
    """

    def __init__(self, runner: GeneratorRunner, rate: MouthRate) -> None:
        self._runner, self._mouths = runner, rate
        self._last: tuple[bytes, GeneratorOutput] | None = None
        self._left = 0  # further frames that the last mouth is for

    @property
    def device(self) -> str:
        """See `GeneratorRunner`."""
        return self._runner.device

    @property
    def sees_occlusion(self) -> bool:
        """See `GeneratorRunner`."""
        return self._runner.sees_occlusion

    def fingerprint(self) -> str:
        """See `GeneratorRunner`."""
        return self._runner.fingerprint()

    def generate(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> GeneratorOutput:
        """See `GeneratorRunner`."""
        return self._runner.generate(reference, target, mel, articulation)

    def encode(self, mel: np.ndarray) -> np.ndarray:
        """See `GeneratorRunner`."""
        return self._runner.encode(mel)

    def silence(self, count: int) -> np.ndarray:
        """See `GeneratorRunner`."""
        return self._runner.silence(count)

    def predict_occlusion(self, face: np.ndarray, reference: np.ndarray, other: np.ndarray) -> Future[np.ndarray]:
        """See `GeneratorRunner`."""
        return self._runner.predict_occlusion(face, reference, other)

    @property
    def num_at_once(self) -> int:
        """See `GeneratorRunner`."""
        return 1

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        """See `GeneratorRunner`."""
        import numpy as np

        stride = self._mouths.stride
        if stride == 1 or len(face) > 1:
            self._left = 0
            return self._runner.submit(face, mel)
        key = face.tobytes()
        if self._last is None or self._last[0] != key:
            self._left = 0
        held = min(self._left, len(mel))
        places = np.arange(held, len(mel))
        made = [] if not held or self._last is None else [_repeat(self._last[1], np.zeros(held, int))]
        if len(places):
            drawn = self._runner.submit(face, mel[held::stride]).result()
            made.append(_repeat(drawn, (places - held) // stride))
            self._last = key, _repeat(drawn, np.array([len(mel[held::stride]) - 1]))
            self._left = -(len(mel) - held) % stride
        else:
            self._left -= held
        future: Future[GeneratorOutput] = Future()
        future.set_result(made[0] if len(made) == 1 else _join(made))
        return future


def _repeat(output: GeneratorOutput, places: np.ndarray) -> GeneratorOutput:
    return GeneratorOutput(*(None if part is None else part[places] for part in output))


def _join(outputs: list[GeneratorOutput]) -> GeneratorOutput:
    import numpy as np

    parts = zip(*outputs, strict=True)
    return GeneratorOutput(*(None if part[0] is None else np.concatenate(part) for part in parts))
