"""Where training samples come from: one split of a pack, batch after batch, seed and step deciding each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.data.batches import Batch, Draw, FrameTable, Sampling, gather
from lipsync_cli.training.augment import augment
from lipsync_cli.training.transforms import parse_transforms

if TYPE_CHECKING:
    from lipsync_cli.data.batches import Crops
    from lipsync_cli.data.reader import Pack
    from lipsync_cli.data.recording import Recording
    from lipsync_cli.training.config import TrainConfig


class Source:
    """The frames of one split of a pack.

    Parameters
    ----------
    pack : opened
    crops : see `data.batches.gather`
    split : "train", "val" or "test"
    device : where batches go

    Raises
    ------
    NothingToDoError : the split has no usable frame
    """

    def __init__(self, pack: Pack | Recording, crops: Crops, split: str, config: TrainConfig, device: str) -> None:
        self.table = FrameTable(pack, split)
        self.split, self.crops, self.config, self.device = split, crops, config, device
        self.middles = pack.frame_middle
        self.mouth_region = pack.crop_rule.mouth_region()
        self.size = pack.crop_rule.size
        self.transforms = parse_transforms(config.transforms)
        self.sampling = Sampling(
            config.batch_size,
            config.targets_per_reference,
            config.quiet_reference,
            config.speaker_temperature,
            config.seed,
            config.consecutive,
        )

    def batch(self, step: int) -> Batch:
        """Give the samples of one training step, transformed if the configuration says so."""
        return self.transform(self.gather(self.table.draw(self.sampling, step)), step)

    def transform(self, batch: Batch, step: int) -> Batch:
        """Transform the samples of one training step, if the configuration says so."""
        if not self.config.augment:
            return batch
        return augment(batch, self.config.seed, step, self.config.augment_share, self.transforms)

    def gather(self, draw: Draw) -> Batch:
        """Fetch the pixels and mels of a draw, as they are."""
        return gather(self.crops, self.table, draw, self.device)
