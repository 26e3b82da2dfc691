"""Talking heads on a pack's held-out clips: each clip drawn anew from its first face, as its authors measured it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.datasets.clip_sequences import AlignedFaces
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.similarity import to_square
from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL, OTHER_SOUND, TRUTH, to_pixels
from lipsync_cli.models.generators.mean_face import HEIGHT, WIDTH
from lipsync_cli.scoring.protocols.pack_stage import Stage

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.datasets.frame_table import FrameTable
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.speech.transcript import Word

SEED = 10  # of the noise
NOTES = (
    f"talking head: every clip is drawn from its first face to its own sound, {WIDTH} x {HEIGHT} pixels, faces aligned "
    "by eyes and nose; the sides of the picture are filled by its edges and all is brought to 96 x 96",
    "copy and frozen: the still, which is that first face, throughout; mismatched audio: drawn to the next clip's "
    "sound, measured with the right one; other sound: the real pictures with the next clip's sound",
)


class HeadStage(Stage):
    """Shows the clips of a pack as a talking head, row by row."""

    shows_frames = False
    notes = NOTES

    def __init__(
        self,
        pack: Pack,
        generator: Any,
        table: FrameTable,
        tools: MetricNetworks,
        batch_size: int,
        words: dict[int, tuple[Word, ...] | None] | None = None,
    ) -> None:
        super().__init__(pack, generator, table, tools, batch_size, words)
        self.rule = CropRule()
        template = generator.mean_face.cpu().double().numpy()
        self._faces = AlignedFaces(pack, pack, table, tools.device, template)

    def show_clip(self, row: int) -> Iterator[ClipView]:
        """Give the rows of a whole clip; none if nobody knows where its eyes and noses are."""
        frames = self._faces.frames[row]
        if not len(frames):
            return
        aligned = to_pixels(self._faces.cut(frames))
        real, still = to_square(aligned), to_square(aligned[:1])
        sound, other = self._mel(row), self._other_mel(row, self.pack.mel)
        truth = self._evidence(TRUTH, row, frames, real, still, sound)
        middles = self.table.middle[frames]
        for name, heard, times in ((MODEL, row, middles), (MISMATCHED, *self._mismatched(row, middles))):
            speech = self.table.speech.cut(np.full(len(frames), heard), times)
            drawn = to_square(self._draw(aligned[0], speech))
            yield self._evidence(name, row, frames, drawn, still, sound, truth=truth)
        throughout = np.broadcast_to(still, real.shape)
        for name in (COPY, FROZEN):
            yield self._evidence(name, row, frames, throughout, still, sound, truth=truth)
        yield self._evidence(OTHER_SOUND, row, frames, real, still, other, truth=truth)
        yield truth

    def _draw(self, still: np.ndarray, speech: np.ndarray) -> np.ndarray:
        """Draw a film from a face (128, 96, 3) uint8 to windows of sound: shape (n, 128, 96, 3), uint8."""
        import torch

        from lipsync_cli.models.generators.temporal import NOISE_DEVIATION, NOISE_DIM

        device = self.tools.device
        generator = torch.Generator().manual_seed(SEED)
        noise = NOISE_DEVIATION * torch.randn(len(speech), NOISE_DIM, generator=generator)
        pictures, state, network = [], None, self.generator
        with torch.inference_mode():
            face = torch.from_numpy(still).to(device).permute(2, 0, 1)[None].float() / 255
            identity = network.identify(face)  # type: ignore[operator]
            for first in range(0, len(speech), self.batch_size):
                part = slice(first, first + self.batch_size)
                heard = torch.from_numpy(speech[part]).to(device)
                drawn, state = network.draw(identity, heard, noise[part].to(device), state)  # type: ignore[operator]
                pictures.append(to_pixels(drawn))
        return np.concatenate(pictures)


def open_stage(
    pack: Pack,
    generator: nn.Module,
    table: FrameTable,
    tools: MetricNetworks,
    batch_size: int,
    words: dict[int, tuple[Word, ...] | None] | None = None,
) -> Stage:
    """Return what shows a pack's clips as a generator draws them: lower halves of faces, or talking heads."""
    from lipsync_cli.models.generators.temporal import TemporalGenerator

    kind = HeadStage if isinstance(generator, TemporalGenerator) else Stage
    return kind(pack, generator, table, tools, batch_size, words)
