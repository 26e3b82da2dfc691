"""What is done before a live film begins: the poses of all frames are found, and the networks have run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.speech.speech_features import Encode
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.rendering.renderer import Renderer
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource

WARM = 8  # frames that are drawn, so that libraries have made what they keep
ENCODED = 350  # feature frames that the speech encoder is given at once, about
Progress = Callable[[int, "int | None", str], None]


class _Silence:
    """A `Driver` that draws a resting mouth on the first frames and nothing on the others; times are frame numbers."""

    def __init__(self, runner: GeneratorRunner) -> None:
        self._runner = runner

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        return self._runner.silence(len(middles_s))

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        import numpy as np

        return (np.asarray(middles_s) < WARM).astype(np.float32)


def prepare_poses(renderer: Renderer, source: ScannedSource, progress: Progress | None = None) -> None:
    """Find how the rest frames lie in every frame of a source; the renderer keeps it."""
    import numpy as np

    from lipsync_cli.speech.speech_features import DIM, N_MELS

    def frames() -> Iterator[tuple[float, int, Frame]]:
        for number, frame in source.frames(np.arange(source.num_frames)):
            yield float(number), number, frame

    with renderer.stream(frames(), [_Silence(renderer.runner)]) as views:
        for done, _ in enumerate(views, 1):
            if progress is not None:
                progress(done, source.num_frames, "preparing")
    if renderer.runner.silence(1).shape[-1] == DIM:
        renderer.runner.encode(np.zeros((ENCODED, N_MELS), np.float32))
