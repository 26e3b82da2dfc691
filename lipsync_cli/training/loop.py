"""The training loop: seed and step number decide every step, so a killed run goes on exactly where it stood."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lipsync_cli import models
from lipsync_cli.data.reader import Pack
from lipsync_cli.data.weights import BEST, LAST, WeightsHeader, load_weights, save_weights
from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError
from lipsync_cli.scoring.protocol import check_fits
from lipsync_cli.training.card import write_card
from lipsync_cli.training.config import TrainConfig, check_expert, check_same_run, save_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.source import Source
from lipsync_cli.training.state import STATE, TrainState
from lipsync_cli.training.statistics import Statistics

RESIDENT_BYTES = 8 << 30  # a pack of fewer decoded bytes is held in memory
WARM_UP_STEPS = 100  # of the cosine schedule
LOG_EVERY = 50  # steps

Progress = Callable[[int, int | None, str], None]


def train(
    pack_path: Path,
    run: Path,
    config: TrainConfig,
    device: str = "cpu",
    init: Path | None = None,
    expert: Path | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a network from a pack into a run folder, going on where an earlier run of the same command stopped.

    Parameters
    ----------
    pack_path : made by `lipsync pack`
    run : folder for checkpoints, log, sample sheets and the model card
    init : weights of the same generator to start from: a run folder, a file, or None for fresh ones
    expert : weights of a sync expert, for the recipes that need one
    note : called with lines for the user

    Returns
    -------
    run, weights, samples, and the last validation figures

    Raises
    ------
    InputError : the folder holds a run of other options or data, or the pack cannot be read
    NothingToDoError : the pack has no usable frames
    LipsyncError : the loss is no longer a number
    """
    note = note or (lambda text: None)
    with Pack(pack_path) as pack:
        trainer = _Trainer(pack, run, config, device, init, expert, note)
        return trainer.run(progress)


class _Trainer:
    def __init__(
        self,
        pack: Pack,
        run: Path,
        config: TrainConfig,
        device: str,
        init: Path | None,
        expert: Path | None,
        note: Callable[[str], None],
    ) -> None:
        self.pack, self.folder, self.device, self.note = pack, Path(run), device, note
        size = pack.crop_rule.size
        self.dims = {**config.dims, "size": size}
        start = None
        if init is not None:
            start, header = load_weights(init, device, models.kind_of(config.generator))
            check_fits(pack, header, init)
            if header.architecture != config.generator:
                raise InputError(f"holds a {header.architecture} generator, not {config.generator}", init)
            self.dims = header.dims
            config = replace(config, init=header.sha256)
        judge: Any = None
        if expert is not None:
            judge, header = load_weights(expert, device, "sync expert")
            check_fits(pack, header, expert)
            config = replace(config, expert=header.sha256)
        check_expert(config)
        self.config = config
        self._begin()
        crops = self._hold_crops()
        self.source = Source(pack, crops, "train", config, device)
        total = config.max_samples or math.ceil(config.epochs * int(self.source.table.num_frames.sum()))
        self.total_steps = max(1, math.ceil(total / config.batch_size))
        torch.manual_seed(config.seed)
        self.recipe = make_recipe(config, pack.crop_rule.mouth_region(), size, judge)
        self.judge = self.recipe.judge(self.source, self._held_out(crops))
        try:
            network = start.train() if start is not None else models.build(config.generator, self.dims).to(device)
        except ValueError as error:
            raise InputError(f"the generator {config.generator} does not fit this pack: {error}", pack.path) from error
        optimizers = {"generator": self._optimizer(network)}
        if (critic := self.recipe.critic) is not None:
            optimizers["critic"] = self._optimizer(critic.to(device))
        for frozen in self.recipe.frozen.values():
            frozen.to(device).eval().requires_grad_(False)
        self.state = TrainState(network, critic, optimizers, config.ema_samples > 0)
        if (self.folder / STATE).exists():
            self.state.load(self.folder / STATE, device)
            note(f"{self.folder}: going on at {self.state.samples_seen} samples")
        self.statistics = Statistics(self.folder / "log.jsonl", self.state.samples_seen)
        self.statistics.restore(self.state.pending)
        self.metrics: dict[str, Any] = {}

    def run(self, progress: Progress | None) -> dict[str, Any]:
        config, state = self.config, self.state
        if state.step == 0:
            self._show()
        began = time.monotonic() - state.elapsed_s
        limit_s = 60 * config.max_minutes if config.max_minutes else math.inf
        saved = state.step
        while state.step < self.total_steps and state.elapsed_s < limit_s:
            before = state.samples_seen
            self._step()
            state.step += 1
            state.samples_seen += config.batch_size
            state.update_ema(config.ema_samples, config.batch_size)
            state.elapsed_s = time.monotonic() - began
            last = state.step >= self.total_steps or state.elapsed_s >= limit_s
            if state.step % LOG_EVERY == 0 or last:
                self.statistics.write("train", state.samples_seen)
            if last or _passes(before, state.samples_seen, config.validate_every):
                self._validate()
            if last or _passes(before, state.samples_seen, config.sheet_every):
                self._show()
            if last or _passes(before, state.samples_seen, config.checkpoint_every):
                self._save()
                saved = state.step
            if progress is not None:
                progress(state.samples_seen, self.total_steps * config.batch_size, "training")
        if saved != state.step or not (self.folder / LAST).exists():
            self._save()
        write_card(self.folder, self._header(), config, self.statistics.path, self.judge)
        return {
            "run": str(self.folder),
            "weights": str(self.folder / (BEST if (self.folder / BEST).exists() else LAST)),
            "samples": state.samples_seen,
            "minutes": round(state.elapsed_s / 60, 2),
            **self.metrics,
        }

    def _step(self) -> None:
        config, state, recipe = self.config, self.state, self.recipe
        self._set_learning_rate()
        batch = recipe.batch(self.source, state.step)
        network_turn = (state.step + 1) % recipe.network_every == 0
        state.generator.train()
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=config.precision == "bfloat16"):
            with torch.set_grad_enabled(network_turn):
                made = recipe.forward(state.generator, batch)
            if recipe.critic is not None:
                recipe.critic.requires_grad_(True)
                coin = np.random.default_rng([config.seed, state.step, 1]).random() < 0.5
                for terms in recipe.critic_losses(batch, _detached(made), coin):
                    self._update("critic", terms)
                recipe.critic.requires_grad_(False)
            if network_turn:
                terms = recipe.network_loss(batch, made)
        if network_turn:
            self._update("generator", terms)

    def _update(self, which: str, terms: dict[str, torch.Tensor]) -> None:
        loss = torch.stack([term.float() for term in terms.values()]).sum()
        if not math.isfinite(loss.item()):
            raise LipsyncError(
                f"the {which}'s loss is {loss.item()} at {self.state.samples_seen} samples",
                self.folder,
                "the last checkpoint is kept; try a lower --learning-rate",
            )
        optimizer = self.state.optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if which == "generator" and self.config.clip_norm:
            norm = torch.nn.utils.clip_grad_norm_(self.state.generator.parameters(), self.config.clip_norm)
            self.statistics.add({"generator/gradient_norm": norm})
        optimizer.step()
        self.statistics.add(terms)

    def _optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        config = self.config
        kind = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
        betas = (config.beta1, config.beta2)
        return kind(network.parameters(), config.learning_rate, betas=betas, weight_decay=config.weight_decay)

    def _set_learning_rate(self) -> None:
        factor = 1.0
        if self.config.schedule == "cosine":
            factor = min(1.0, (self.state.step + 1) / WARM_UP_STEPS)
            factor *= 0.5 * (1 + math.cos(math.pi * self.state.step / self.total_steps))
        for optimizer in self.state.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * factor

    def _held_out(self, crops: np.ndarray | Pack) -> Source | None:
        for split in ("val", "test"):
            try:
                return Source(self.pack, crops, split, self.config, self.device)
            except NothingToDoError:
                continue
        self.note(f"{self.pack.path}: no validation or test clips, so nothing is validated")
        return None

    def _begin(self) -> None:
        config_path = self.folder / "config.json"
        if config_path.exists():
            check_same_run(config_path, self.config, self.pack.fingerprint)
            return
        if self.folder.exists() and (
            not self.folder.is_dir() or any(not file.name.startswith(".") for file in self.folder.iterdir())
        ):
            raise InputError("exists and is no run folder", self.folder, "name another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot be made ({error.strerror})", self.folder) from error
        save_config(config_path, self.config, self.pack.fingerprint)

    def _hold_crops(self) -> np.ndarray | Pack:
        size = self.pack.crop_rule.size
        if len(self.pack.has_face) * size * size * 3 > RESIDENT_BYTES:
            self.note(f"{self.pack.path}: too large to hold decoded, crops are read as they are needed")
            return self.pack
        return self.pack.decode_all()

    def _validate(self) -> None:
        shown = self.state.shown.eval()
        figures = self.judge.measure(shown)
        if not figures:
            return
        self.metrics = figures
        self.statistics.write("validation", self.state.samples_seen, figures)
        minutes = self.state.elapsed_s / 60
        self.note(f"{self.state.samples_seen} samples, {minutes:.1f} min: {self.judge.describe(figures)}")
        rank = self.judge.rank(figures)
        if self.state.best is None or rank > self.state.best:
            self.state.best = rank
            save_weights(self.folder / BEST, dict(shown.state_dict()), self._header(), force=True)

    def _show(self) -> None:
        path = self.folder / "sheets" / f"{self.state.samples_seen:09d}.png"
        path.parent.mkdir(exist_ok=True)
        self.judge.show(self.state.shown.eval(), path)

    def _save(self) -> None:
        save_weights(self.folder / LAST, dict(self.state.shown.state_dict()), self._header(), force=True)
        self.state.pending = self.statistics.pending()
        self.state.save(self.folder / STATE)

    def _header(self) -> WeightsHeader:
        pack, table = self.pack, self.source.table
        return WeightsHeader(
            architecture=self.config.generator,
            dims=self.dims,
            crop_rule=pack.crop_rule,
            mel_parameters=pack.mel_parameters,
            recipe=self.config.recipe,
            samples_seen=self.state.samples_seen,
            data={
                "fingerprint": pack.fingerprint,
                "clips": len(table.rows),
                "frames": int(table.num_frames.sum()),
                "speakers": sorted({str(name) for name in table.speaker}),
            },
            metrics={
                name: value for name, value in self.metrics.items() if name.startswith(("model/", "over_", "sync/"))
            },
        )


def _detached(made: Any) -> Any:
    """Cut the gradients of what a network made: a tensor, or a tuple of tensors and None."""
    if isinstance(made, torch.Tensor):
        return made.detach()
    return type(made)(*(None if part is None else part.detach() for part in made))


def _passes(before: int, after: int, every: int) -> bool:
    return every > 0 and before // every != after // every
