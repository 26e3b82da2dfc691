"""The folder of a run: whether it may be used, and what is written into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import BEST, LAST, WeightsHeader, read_header, save_weights
from lipsync_cli.runtime.resumable import lock_folder
from lipsync_cli.training.config import TrainConfig, check_same_run, save_config
from lipsync_cli.training.engine.checkpoint import STATE
from lipsync_cli.training.evaluators.sample_grid import draw_montage, draw_strip

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.training.engine.checkpoint import TrainState

CONFIG, LOG, SAMPLE_GRIDS = "config.json", "log.jsonl", "sheets"
CARD, CURVES = "MODEL_CARD.md", "curves.png"
STRIP, MONTAGE = "strip.png", "montage.png"
WRITTEN = (BEST, LAST, STATE, CONFIG, LOG, CARD, CURVES, STRIP, MONTAGE)  # what a run replaces in its folder


class RunFolder:
    """One run's files.

    Attributes
    ----------
    path : of the folder
    log : statistics, as JSON lines
    state : what a run needs to be resumed
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.log, self.state = self.path / LOG, self.path / STATE

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs out of the folder; one that was not there before is gone afterwards if nothing is in it."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError("exists and is no run folder", self.path, "name another folder")
        with lock_folder(self.path, "wait for it, or name another folder", is_named=True):
            yield

    def check(self, config: TrainConfig, fingerprint: str) -> None:
        """Raise InputError if it holds something else, or a run of other options or data; nothing is written."""
        if (self.path / CONFIG).exists():
            check_same_run(self.path / CONFIG, config, fingerprint)
            self._check_state(config)
        elif self.path.exists() and (
            not self.path.is_dir() or any(not file.name.startswith(".") for file in self.path.iterdir())
        ):
            raise InputError("exists and is no run folder", self.path, "name another folder")

    def _check_state(self, config: TrainConfig) -> None:
        """Raise InputError if a run is here whose state was removed: it would begin anew, and replace its weights.

        What a run that was killed before its first checkpoint has left may be replaced.
        """
        if self.state.exists():
            return
        first = config.checkpoint_every + config.batch_size  # samples; the first checkpoint is before
        for path in (self.path / BEST, self.path / LAST):
            if path.exists() and ((self.path / CARD).exists() or read_header(path).samples_seen > first):
                fact = f"holds weights, and no {STATE} to resume their run from"
                raise InputError(fact, self.path, f"name another folder, or move {path.name} away")

    def begin(self, config: TrainConfig, fingerprint: str) -> None:
        """Make the folder, with the configuration in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot be made ({error.strerror})", self.path) from error
        save_config(self.path / CONFIG, config, fingerprint)

    def save_best(self, network: nn.Module, header: WeightsHeader) -> None:
        """Write the weights of the best validation."""
        save_weights(self.path / BEST, dict(network.state_dict()), header, force=True)

    def save_last(self, state: TrainState, header: WeightsHeader) -> None:
        """Write the weights, and the state with which the run is resumed; what was there before stays until then."""
        try:
            save_weights(self.path / LAST, dict(state.shown.state_dict()), header, force=True)
            state.save(self.state)
        except InputError as error:
            hint = "the checkpoint before it is kept: make room, and the same command resumes the run from there"
            raise InputError(error.fact, error.path, hint) from error

    def sample_grid(self, samples: int) -> Path:
        """Name the sample grid of a moment of the run."""
        path = self.path / SAMPLE_GRIDS / f"{samples:09d}.png"
        path.parent.mkdir(exist_ok=True)
        return path

    def draw_summaries(self) -> None:
        """Draw one face over time, and pairs of generated and real faces, of what the sample grids have shown."""
        draw_strip(self.path / SAMPLE_GRIDS, self.path / STRIP)
        draw_montage(self.path / SAMPLE_GRIDS, self.path / MONTAGE)

    def weights(self) -> Path:
        """Name the weights to use: the best if anything was validated, else the last."""
        return self.path / (BEST if (self.path / BEST).exists() else LAST)
