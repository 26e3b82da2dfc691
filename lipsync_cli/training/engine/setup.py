"""What a run consists of, put together and checked before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lipsync_cli import models
from lipsync_cli.errors import InputError, NothingToDoError, naming
from lipsync_cli.formats.compatibility import check_fits, check_mel_window
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.schema import TRAIN
from lipsync_cli.formats.weights import WeightsHeader, load_weights
from lipsync_cli.models.mel_shape import MEL_SHAPE
from lipsync_cli.speech.speech_features import FeatureParameters
from lipsync_cli.speech.speech_windows import ENCODER, MEL
from lipsync_cli.speech.transcript import Transcripts
from lipsync_cli.speech.vtln import KnownVoices, measure_voices
from lipsync_cli.training.config import TrainConfig
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.engine.checkpoint import TrainState
from lipsync_cli.training.engine.opening import describe_start
from lipsync_cli.training.engine.run_folder import RunFolder
from lipsync_cli.training.optimizers import make_adam
from lipsync_cli.training.recipe_config import check_inputs
from lipsync_cli.training.recipes import find_recipe, make_recipe
from lipsync_cli.training.recipes.context import RecipeContext

if TYPE_CHECKING:
    from lipsync_cli.datasets.frame_table import Crops, FrameTable
    from lipsync_cli.models.generators.generator_protocols import SpeechDriven
    from lipsync_cli.models.sync_expert import SyncExpert
    from lipsync_cli.training.engine.distributed import World

RESIDENT_BYTES = 8 << 30  # a pack of fewer decoded bytes is held in memory
RESIDENT_SHARE = 0.5  # of an accelerator's free memory
MOST_CLIPS = 500  # clips whose voices are measured
_OTHER_EXPERT = "train one from this pack (--recipe sync-expert) and name it with --expert"
_TOGETHER = 8192  # crops moved to an accelerator at once


@dataclass
class Run:
    """The parts of a run.

    Attributes
    ----------
    config : with the hashes of the weights that it starts from or is scored by
    total_samples : at which it ends
    is_resident : the crops are held decoded, so that a batch costs little
    known_voices : how the voices sound that it learns from
    """

    pack: Pack
    folder: RunFolder
    config: TrainConfig
    dims: dict[str, Any]
    device: str
    source: Source
    recipe: Any
    evaluator: Any
    state: TrainState
    total_samples: int
    is_resident: bool
    known_voices: KnownVoices | None

    def header(self, metrics: dict[str, Any]) -> WeightsHeader:
        """Say what the weights of this moment are."""
        pack, table = self.pack, self.source.table
        kept = ("model/", "over_", "sync/", "words/", "occlusion/", "mouth/", "swap/")
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
                **self.recipe.facts,
            },
            metrics={name: value for name, value in metrics.items() if name.startswith(kept)},
            known_voices=self.known_voices if self.config.speech == MEL else None,
            feature_parameters=FeatureParameters() if self.config.speech == ENCODER else None,
        )


def prepare(
    pack: Pack,
    folder: Path,
    config: TrainConfig,
    device: str,
    *,
    world: World,
    note: Callable[[str], None],
    init: Path | None = None,
    expert: Path | None = None,
    transcripts: Path | None = None,
    teacher: Path | None = None,
) -> Run:
    """Read and check everything, build the networks, take up an interrupted run's state, and make the folder.

    Raises
    ------
    InputError, NothingToDoError, UsageError : as `trainer.train`; the folder is as it was
    """
    given = {"start": init, "expert": expert, "transcripts": transcripts, "teacher": teacher}
    check_inputs(config, {name for name, path in given.items() if path is not None})
    context, header = _read_inputs(pack, config, device, given)
    config, start = context.config, context.start
    with naming(pack.path):
        dims = _choose_dims(context) if header is None else header.dims
    if config.speech == ENCODER and models.kind_of(config.generator) == "generator":
        dims = {**dims, "speech": ENCODER}
    world.check(config.batch_size, config.targets_per_reference, config.sync_runs)
    place = RunFolder(folder)
    if world.is_first:
        place.check(config, pack.fingerprint)
    torch.manual_seed(config.seed)
    try:
        recipe = make_recipe(context)
    except ValueError as error:
        fact = f"the discriminator of the recipe {config.recipe} does not fit its crops: {error}"
        raise InputError(fact, pack.path, "use another --recipe, or make a pack with another size of crops") from error
    try:
        network = _make_network(config, dims, start, pack).to(device)
    except ValueError as error:
        raise InputError(f"the generator {config.generator} does not fit its crops: {error}", pack.path) from error
    recipe.begin(network)
    for text in describe_start(pack, config, device, network):
        note(text)
    state = _make_state(network, recipe, config, device, world)
    is_resumed = place.state.exists()
    if is_resumed:
        state.load(place.state, device)
    crops = hold_crops(pack, device, note) if recipe.sees_crops else pack
    source = Source(pack, crops, "train", config, device)
    recipe.prepare(source, note)
    known = measure_voices(_sounds(source.table)) or (None if header is None else header.known_voices)
    held_out = _hold_out(pack, crops, config, device, note)
    evaluator = recipe.evaluator(source, held_out)
    total = config.max_samples or math.ceil(config.epochs * int(source.table.num_frames.sum()))
    total = max(1, math.ceil(total / config.batch_size)) * config.batch_size
    world.wait()  # nobody writes before all have read
    if world.is_first:
        place.begin(config, pack.fingerprint)
        if is_resumed:
            note(f"{folder}: resumed at {state.samples_seen} samples")
    return Run(pack, place, config, dims, device, source, recipe, evaluator, state, total, crops is not pack, known)


def _choose_dims(context: RecipeContext) -> dict[str, Any]:
    """Return the dims of a fresh network; what sees no crop has no size, and windows as LipGAN's are not named."""
    config, kind = context.config, models.kind_of(context.config.generator)
    own = {**find_recipe(config.recipe).dims(context), **config.dims}
    if kind in ("generator", "sync expert") and config.speech == MEL and context.mel_shape != MEL_SHAPE:
        own["mel_shape"] = list(context.mel_shape)
    return {**own, "size": context.size} if kind != "phone encoder" else own


def _read_inputs(
    pack: Pack, config: TrainConfig, device: str, given: dict[str, Path | None]
) -> tuple[RecipeContext, WeightsHeader | None]:
    """Read what the recipe is built from, and put the hashes of it into the configuration.

    Parameters
    ----------
    given : by the names of `recipes.context.INPUTS`

    Returns
    -------
    the context, and the header of the weights that the run starts from, if there are any
    """
    start_header = start = expert = transcripts = teacher = None
    needs = find_recipe(config.recipe).needs
    if (path := given["start"]) is not None:
        start, start_header = load_weights(path, device, models.kind_of(config.generator))
        check_fits(pack, start_header, path)
        if start_header.architecture != config.generator:
            raise InputError(f"holds a {start_header.architecture} generator, not {config.generator}", path)
        hears = ENCODER if start_header.hears == ENCODER else config.speech  # nobody forgets how to hear features
        config = replace(config, init=start_header.sha256, speech=hears)
        if hears == MEL:
            check_mel_window(config.mel_window, start_header, path, f"give --mel-window {start_header.mel_window}")
    if "expert" in needs:
        expert, header = load_weights(given["expert"], device, "sync expert")
        check_fits(pack, header, given["expert"] or header.name, _OTHER_EXPERT)
        config = replace(config, expert=header.sha256)
    if "transcripts" in needs and (path := given["transcripts"]) is not None:
        transcripts = Transcripts(path)
        config = replace(config, transcripts=transcripts.fingerprint())
    if "teacher" in needs:
        teacher, header = load_weights(given["teacher"], device)
        check_fits(pack, header, given["teacher"] or header.name)
        config = replace(config, teacher=header.sha256)
    rule = pack.crop_rule
    context = RecipeContext(
        config,
        rule.mouth_region(),
        rule.size,
        start,
        cast("SyncExpert | None", expert),
        transcripts,
        frozenset() if start_header is None else frozenset(start_header.data.get("speakers", ())),
        given["start"],
        teacher,
        given["teacher"],
        tuple(sorted({str(row["speaker"]) for row in pack.clips if row["split"] == TRAIN})),
        (pack.mel_parameters.n_mels, config.mel_window),
    )
    return context, start_header


def _make_network(config: TrainConfig, dims: dict[str, Any], start: torch.nn.Module | None, pack: Pack) -> Any:
    """Build the network, or take the one that the run starts from; one that heard mels gets another speech encoder."""
    if start is not None and models.hears(start) == config.speech:
        return start.train()
    network: Any = models.build(config.generator, dims)
    if start is not None:
        other = {name: value for name, value in start.state_dict().items() if not name.startswith("audio_encoder.")}
        network.load_state_dict(other, strict=False)
    if config.speech == ENCODER and pack.features is not None:
        mean, deviation = pack.features.measure()
        of_features = network if models.kind_of(config.generator) == "phone encoder" else network.audio_encoder
        of_features.mean.copy_(torch.from_numpy(mean))
        of_features.deviation.copy_(torch.from_numpy(deviation))
    return network


def hold_crops(pack: Pack, device: str, note: Callable[[str], None]) -> Crops:
    """Decode the pack into the accelerator's memory, else into main memory, else leave it on disk: what fits."""
    size = pack.crop_rule.size
    needed = len(pack) * size * size * 3
    if device != "cpu" and needed < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        held = torch.empty((len(pack), size, size, 3), dtype=torch.uint8, device=device)
        for first in range(0, len(pack), _TOGETHER):
            part = held[first : first + _TOGETHER]
            part.copy_(torch.from_numpy(pack.read_crops(np.arange(first, first + len(part)))))
        return held
    if needed <= RESIDENT_BYTES:
        return pack.decode_all()
    note(f"{pack.path}: too large to hold decoded, crops are read as they are needed")
    return pack


def _sounds(table: FrameTable) -> Iterator[np.ndarray]:
    """Give the mels of clips, spread evenly over a split, at most MOST_CLIPS of them."""
    for row in table.rows[:: -(-len(table.rows) // MOST_CLIPS)]:
        frame = table.frames[row][0]
        first = table.first_mel[frame]
        yield table.mel[first : first + table.num_mels[frame]]


def _make_state(network: Any, recipe: Any, config: TrainConfig, device: str, world: World) -> TrainState:
    def make_optimizer(module: torch.nn.Module) -> torch.optim.Optimizer:
        learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
        return make_adam(learning, config.learning_rate, (config.beta1, config.beta2), config.weight_decay)

    if config.freeze_speech:
        cast("SpeechDriven", network).audio_encoder.requires_grad_(False)
    network = world.synchronised(network, device)
    optimizer = make_optimizer(network)
    discriminators = {
        name: world.synchronised(one.network.to(device), device) for name, one in recipe.discriminators.items()
    }
    optimizers = {name: make_optimizer(one) for name, one in discriminators.items()}
    for one in discriminators.values():
        one.requires_grad_(False)  # but in its own updates
    for frozen in recipe.frozen.values():
        frozen.to(device).eval().requires_grad_(False)
    return TrainState(
        network,
        optimizer,
        discriminators=discriminators,
        discriminator_optimizers=optimizers,
        ema=config.ema_samples > 0,
    )


def _hold_out(pack: Pack, crops: Crops, config: TrainConfig, device: str, note: Callable[[str], None]) -> Source | None:
    for split in ("val", "test"):
        try:
            source = Source(pack, crops, split, config, device)
        except NothingToDoError:
            continue
        if split == "test":
            note(f"{pack.path}: no validation clips, so the best weights are chosen on the test clips")
        return source
    note(f"{pack.path}: no validation or test clips, so nothing is validated")
    return None
