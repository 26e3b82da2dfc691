"""Where training samples come from: one split of a pack, batch after batch, seed and step deciding each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.datasets.batch import Batch, Draw, Mixed
from lipsync_cli.datasets.frame_table import FrameTable, Sampling, gather
from lipsync_cli.datasets.reference_gap import parse_gap
from lipsync_cli.datasets.transforms.augmentation import augment
from lipsync_cli.datasets.transforms.names import parse_transforms

if TYPE_CHECKING:
    from lipsync_cli.datasets.frame_table import Crops
    from lipsync_cli.datasets.personal_clip import PersonalClip
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.training.config import TrainConfig


class Source:
    """The frames of one split of a pack.

    Parameters
    ----------
    pack : opened
    crops : see `datasets.frame_table.gather`
    split : "train", "val" or "test"
    device : where batches go

    Raises
    ------
    NothingToDoError : the split has no usable frame
    """

    def __init__(self, pack: Pack | PersonalClip, crops: Crops, split: str, config: TrainConfig, device: str) -> None:
        self.table = FrameTable(pack, split, hears=config.speech, window=config.mel_window)
        self.pack, self.split, self.crops, self.config, self.device = pack, split, crops, config, device
        self.middles = pack.frame_middle
        self.path, self.clips, self.features = pack.path, pack.clips, pack.features
        self.mouth: np.ndarray | None = getattr(pack, "mouth", None)
        self.points: np.ndarray | None = getattr(pack, "points", None)
        self.crop_rule = pack.crop_rule
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
            parse_gap(config.reference_gap),
        )

    def batch(self, step: int) -> Batch:
        """Give the samples of one training step, transformed if the configuration says so."""
        return self._batch(self.sampling, step)

    def mixed(self, step: int, runs: int) -> Mixed:
        """Give the samples of one training step: so many references with all their targets, the rest one by one."""
        count, other = runs * self.sampling.targets_per_reference, np.random.SeedSequence([self.config.seed, 3])
        singles = replace(
            self.sampling,
            batch_size=self.sampling.batch_size - count,
            targets_per_reference=1,
            seed=int(other.generate_state(1)[0]),
            consecutive=False,
        )
        return Mixed(self._batch(replace(self.sampling, batch_size=count), step), self._batch(singles, step))

    def _batch(self, sampling: Sampling, step: int) -> Batch:
        draw = self.table.draw(sampling, step)
        batch = self.gather(draw, self.draw_variants(len(draw.target), step, sampling.seed))
        return self.transform(batch, step, sampling.seed)

    def draw_variants(self, count: int, step: int, seed: int) -> np.ndarray | None:
        """Choose the altered copy of each sound that a step hears, shape (count,); None: the sounds as they are."""
        config, number = self.config, self.table.speech.num_variants
        if not config.augment or number == 1:
            return None
        rng = np.random.default_rng([seed, step, 4])
        return np.where(rng.random(count) < config.augment_share, rng.integers(0, number, count), 0)

    def transform(self, batch: Batch, step: int, seed: int | None = None) -> Batch:
        """Transform the samples of one training step, if the configuration says so.

        Parameters
        ----------
        seed : that of the configuration if it is None
        """
        if not self.config.augment:
            return batch
        seed = self.config.seed if seed is None else seed
        return augment(batch, seed, step, self.config.augment_share, self.transforms)

    def gather(self, draw: Draw, variants: np.ndarray | None = None) -> Batch:
        """Fetch the pixels and sounds of a draw, as they are, or the sounds in some of their variants."""
        return gather(self.crops, self.table, draw, self.device, variants)
