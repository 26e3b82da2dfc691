"""The training loop: seed and step number decide every step, so a killed run is resumed exactly where it stood."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lipsync_cli.errors import LipsyncError, StoppedError
from lipsync_cli.formats.joined_pack import open_pack
from lipsync_cli.training.config import TrainConfig
from lipsync_cli.training.engine.distributed import World
from lipsync_cli.training.engine.finite import are_finite, find_tensors
from lipsync_cli.training.engine.gradient_norms import measure_norms
from lipsync_cli.training.engine.opening import Opening
from lipsync_cli.training.engine.prefetch import Prefetch
from lipsync_cli.training.engine.run_folder import CURVES, RunFolder
from lipsync_cli.training.engine.setup import Run, prepare
from lipsync_cli.training.engine.signals import Interruption
from lipsync_cli.training.engine.update_schedule import UpdateSchedule, passes
from lipsync_cli.training.evaluators.validation import measure_batch
from lipsync_cli.training.logging.curves import plot_curves
from lipsync_cli.training.logging.diagnostics import KIND as DIAGNOSTIC
from lipsync_cli.training.logging.diagnostics import find_diagnostics
from lipsync_cli.training.logging.model_card import write_card
from lipsync_cli.training.logging.run_log import Statistics
from lipsync_cli.training.logging.tensorboard import TensorBoard, check_tensorboard

if TYPE_CHECKING:
    from lipsync_cli.models.generators.generator_protocols import SpeechDriven

WARM_UP_SAMPLES = 6400  # of the cosine schedule
LOG_EVERY = 50  # steps
MEASURE_EVERY = 600  # steps, as in the thesis (7.2): PSNR and SSIM of a training batch
MAX_WORKERS = 4  # threads that make batches

Progress = Callable[[int, int | None, str], None]


def train(
    pack_path: Path | Sequence[Path],
    run: Path,
    config: TrainConfig,
    device: str = "cpu",
    init: Path | None = None,
    expert: Path | None = None,
    *,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
    jobs: int = 1,
    tensorboard: bool = False,
    world: World | None = None,
    transcripts: Path | None = None,
    teacher: Path | None = None,
    plot: Callable[[Path, Path], None] = plot_curves,
) -> dict[str, Any]:
    """Train a network from a pack into a run folder, resuming an earlier run of the same command.

    Parameters
    ----------
    pack_path : made by `lipsync pack`, or several that hold different clips
    run : folder for checkpoints, log, curves, sample grid and the model card
    init : weights of the same generator to start from: a run folder, a file, or None for fresh ones
    expert : weights of a sync expert, for the recipes that need one
    note : called with lines for the user
    jobs : threads that decode and make batches; the samples and their order do not depend on it
    tensorboard : write the log for TensorBoard, too
    transcripts : folder of them, for the recipe that learns from them
    teacher : weights of a generator, for the recipe that learns from its speech encoder; None: the package's
    world : the processes that share the work, from `distributed.join`
    plot : draws the finished log, its first argument, as PNG, its second

    Returns
    -------
    run, weights, samples, and the last validation figures

    Raises
    ------
    InputError : the folder holds a run of other options or data, or another process writes into it, the pack cannot be
        read, or the disk is full
    NothingToDoError : the pack has no usable frames
    ToolError : the package tensorboard is missing
    StoppedError : SIGTERM or SIGINT came; the run is saved
    LipsyncError : the loss is no longer a number
    """
    world = world or World()
    note = note if note is not None and world.is_first else (lambda text: None)
    if tensorboard:
        check_tensorboard()
    with open_pack(pack_path, jobs) as pack, RunFolder(run).hold() if world.is_first else nullcontext():
        given = {"init": init, "expert": expert, "transcripts": transcripts, "teacher": teacher}
        prepared = prepare(pack, run, config, device, world=world, note=note, **given)
        loop = _Loop(prepared, world, note, progress if world.is_first else None, tensorboard, plot=plot)
        return loop.run(min(jobs, MAX_WORKERS) if not prepared.is_resident else 1)


class _Loop:
    def __init__(
        self,
        run: Run,
        world: World,
        note: Callable[[str], None],
        progress: Progress | None,
        tensorboard: bool,
        *,
        plot: Callable[[Path, Path], None] = plot_curves,
    ) -> None:
        self.plot = plot
        self.parts, self.config, self.state, self.recipe = run, run.config, run.state, run.recipe
        self.world, self.note, self.progress = world, note, progress
        self.device = run.device
        self.schedule = UpdateSchedule({name: one.n_critic for name, one in run.recipe.discriminators.items()})
        samples = self.state.samples_seen
        self.board = TensorBoard(run.folder.path, samples) if tensorboard and world.is_first else None
        self.statistics = Statistics(run.folder.log, samples, self.board, writes=world.is_first)
        self.statistics.restore(self.state.pending)
        validations = [line for line in self.statistics.lines if line["kind"] == "validation"]
        self.metrics = {k: v for k, v in validations[-1].items() if k not in _NAMES} if validations else {}
        self.samples_between_grids = self.config.samples_between_grids(int(run.source.table.num_frames.sum()))
        self.chance_levels: dict[str, float] = self.recipe.chance_levels
        self.is_finite = torch.ones((), dtype=torch.bool, device=self.device)

    def run(self, workers: int) -> dict[str, Any]:
        config, state, total = self.config, self.state, self.parts.total_samples
        limit_s = 60 * config.max_minutes if config.max_minutes is not None else math.inf
        last = state.samples_seen >= total or state.elapsed_s >= limit_s or self._is_out_of_patience()
        self.recipe.advance(state, max(0, state.samples_seen - config.batch_size), total)  # as for the last step
        if state.step == 0:
            self._show()
            self._save()
        elif self._report(state.samples_seen - config.batch_size, last):
            self._save()  # what an interruption had left to do
        began, opening = time.monotonic() - state.elapsed_s, Opening(self.note)
        with Interruption() as interruption, Prefetch(self._batch, state.step, workers) as batches:
            while not last:
                before = state.samples_seen
                self._step(batches.take())
                state.step += 1
                state.samples_seen += config.batch_size
                state.update_ema(config.ema_samples, config.batch_size)
                state.elapsed_s = self.world.largest(time.monotonic() - began)
                opening.step(self.statistics, config.batch_size, max(0, total - state.samples_seen))
                if number := int(self.world.largest(interruption.number)):
                    self._stop(number)
                last = state.samples_seen >= total or state.elapsed_s >= limit_s
                self._report(before, last)
                last = last or self._is_out_of_patience()
                if last or passes(before, state.samples_seen, config.checkpoint_every):
                    self._save()
                if self.progress is not None:
                    self.progress(state.samples_seen, total, "training")
        return self._finish()

    def _batch(self, step: int) -> Any:
        return self.world.part(self.recipe.batch(self.parts.source, step))

    def _step(self, batch: Any) -> None:
        config, state, recipe, schedule = self.config, self.state, self.recipe, self.schedule
        self._set_learning_rate()
        drawn = np.random.SeedSequence([config.seed, state.step, 2])  # by a recipe: where a gradient penalty is taken
        torch.manual_seed(int(drawn.generate_state(1, np.uint64)[0] >> 1))
        has_generator = schedule.has_generator(state.step)
        state.generator.train()
        if config.freeze_speech:
            cast("SpeechDriven", state.generator).audio_encoder.eval()
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=config.precision == "bfloat16"):
            with torch.set_grad_enabled(has_generator):
                output = recipe.forward(state.generator, batch)
            self._watch(find_tensors(output))
            self.world.average(buffer for buffer in state.generator.buffers() if buffer.is_floating_point())
            self._measure(batch, output)
            coin = np.random.default_rng([config.seed, state.step, 1]).random() < 0.5
            for name in schedule.discriminators(state.step):
                state.discriminators[name].requires_grad_(True)
                for terms in recipe.discriminator_losses(name, batch, _detached(output), coin):
                    self._update(name, terms)
                state.discriminators[name].requires_grad_(False)
                self._observe(name, batch, _detached(output))
            if has_generator:
                terms = recipe.network_loss(batch, output)
        if has_generator:
            self._update(None, terms)

    def _measure(self, batch: Any, output: Any) -> None:
        """Log PSNR and SSIM of a training batch, for the line of the log that follows."""
        is_due = self._is_end() or (self.state.step + 1) % MEASURE_EVERY == 0
        if is_due and (pictures := self.recipe.pictures(batch, output)) is not None:
            with torch.no_grad():
                figures = measure_batch(*pictures)
            self.world.average(figures.values())
            self.statistics.add(figures)

    def _is_end(self) -> bool:
        return self.state.samples_seen + self.config.batch_size >= self.parts.total_samples

    def _observe(self, name: str, batch: Any, output: Any) -> None:
        """Log what the recipe observes of a discriminator, at its last update before a line of the log."""
        if self._is_end() or self.schedule.is_last(name, self.state.step, LOG_EVERY):
            with torch.no_grad():
                figures = self.recipe.observe(name, batch, output)
            self.world.average(figures.values())
            self.statistics.add(figures)

    def _update(self, name: str | None, terms: dict[str, torch.Tensor]) -> None:
        """Minimise the sum of terms by one step of a discriminator, or of the generator (None)."""
        values = torch.stack([term.detach().float() for term in terms.values()])
        self.world.average([values])
        self._watch([values])
        optimizer = self.state.optimizer if name is None else self.state.discriminator_optimizers[name]
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if self.schedule.is_last(name, self.state.step, LOG_EVERY):  # before a line of the log
            self.statistics.add(measure_norms(terms, parameters, self.world))
        optimizer.zero_grad(set_to_none=True)
        torch.stack([term.float() for term in terms.values()]).sum().backward()
        self.world.average(parameter.grad for parameter in parameters)
        if name is None and self.config.clip_norm:
            norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
            self.statistics.add({"generator/gradient_norm": norm})
        optimizer.step()
        self.statistics.add(dict(zip(terms, values, strict=True)))

    def _watch(self, tensors: list[torch.Tensor]) -> None:
        """Take note of numbers that gradients are about to be taken of; an accelerator is not waited for."""
        self.is_finite &= are_finite(tensors, self.device)
        if self.device == "cpu":  # elsewhere `_report` looks, and gradients of NaN do no harm
            self._check_finite(loss_only=True)

    def _check_finite(self, loss_only: bool = False) -> None:
        """Raise LipsyncError if a loss, or a weight that is about to be shown or saved, is no longer a number."""
        if not self.is_finite or not (loss_only or are_finite(self.state.shown.parameters(), self.device)):
            raise LipsyncError(
                f"the loss is no longer a number at {self.state.samples_seen} samples",
                self.parts.folder.path,
                "the last checkpoint is kept; try a lower --learning-rate in another folder",
            )

    def _set_learning_rate(self) -> None:
        done = self.state.samples_seen
        factor = self.recipe.advance(self.state, done, self.parts.total_samples)
        if self.config.schedule == "cosine":
            factor *= min(1.0, (done + self.config.batch_size) / WARM_UP_SAMPLES)
            factor *= 0.5 * (1 + math.cos(math.pi * done / self.parts.total_samples))
        rates = {name: one.rate for name, one in self.recipe.discriminators.items()}
        self.state.set_learning_rates(self.config.learning_rate * factor, rates)

    def _report(self, before: int, last: bool) -> bool:
        """Write what is due at this moment and not yet written; say whether anything was."""
        config, samples = self.config, self.state.samples_seen
        log = last or self.state.step % LOG_EVERY == 0
        validate = last or passes(before, samples, config.validate_every)
        show = last or passes(before, samples, self.samples_between_grids)
        save = last or passes(before, samples, config.checkpoint_every)
        if log or validate or show or save:
            self._check_finite()
        if not self.world.is_first:
            return False
        log = log and not self.statistics.has("train", samples)
        validate = validate and not self.statistics.has("validation", samples)
        show = show and not self.parts.folder.sample_grid(samples).exists()
        if log:
            self.statistics.write_means(samples, self.chance_levels)
        if validate:
            self._validate()
        if log or validate:
            found = find_diagnostics(self.statistics.lines, self.chance_levels, tuple(self.state.discriminators))
            for kind, saw in found.items():
                self.statistics.write(DIAGNOSTIC, samples, {DIAGNOSTIC: kind, "saw": saw})
                self.note(f"{samples} samples: {saw}")
        if show:
            self._show()
        return log or validate or show

    def _validate(self) -> None:
        state = self.state
        figures = self.parts.evaluator.measure(state.shown.eval())
        if not figures:
            return
        self.metrics = figures
        self.statistics.write("validation", state.samples_seen, figures)
        critic = self.statistics.describe_chance_levels()
        described = self.parts.evaluator.describe(figures) + (f"; {critic}" if critic else "")
        self.note(f"{state.samples_seen} samples, {state.elapsed_s / 60:.1f} min: {described}")
        rank = self.parts.evaluator.rank(figures)
        state.waited += 1
        if state.best is None or rank > state.best:
            state.best, state.waited = rank, 0
            self.parts.folder.save_best(state.shown, self.parts.header(figures))

    def _is_out_of_patience(self) -> bool:
        patience = self.config.patience
        waited = self.world.largest(self.state.waited if self.world.is_first else 0) if patience else 0
        if stop := bool(patience) and waited >= patience:
            self.note(f"{self.state.samples_seen} samples: none of the last {patience} validations was better")
        return stop

    def _show(self) -> None:
        if self.world.is_first:
            self.parts.evaluator.show(self.state.shown.eval(), self.parts.folder.sample_grid(self.state.samples_seen))

    def _save(self) -> None:
        self._check_finite()
        if self.world.is_first:
            self.state.pending = self.statistics.pending()
            self.parts.folder.save_last(self.state, self.parts.header(self.metrics))

    def _stop(self, number: int) -> None:
        self._save()
        raise StoppedError(
            number,
            f"stopped by {signal.Signals(number).name} and saved at {self.state.samples_seen} samples",
            self.parts.folder.path,
            "the same command resumes the run from there",
        )

    def _finish(self) -> dict[str, Any]:
        folder, state = self.parts.folder, self.state
        if self.world.is_first:
            write_card(folder.path, self.parts.header(self.metrics), self.config, folder.log, self.parts.evaluator)
            self.plot(folder.log, folder.path / CURVES)
            folder.draw_summaries()
        if self.board is not None:
            self.board.close()
        self.world.wait()
        return {
            "run": str(folder.path),
            "weights": str(folder.weights()),
            "samples": state.samples_seen,
            "minutes": round(state.elapsed_s / 60, 2),
            **self.metrics,
        }


_NAMES = ("kind", "samples")


def _detached(output: Any) -> Any:
    """Cut the gradients of what a network output: a tensor, or a tuple of tensors and None."""
    if isinstance(output, torch.Tensor):
        return output.detach()
    return type(output)(*(None if part is None else part.detach() for part in output))
