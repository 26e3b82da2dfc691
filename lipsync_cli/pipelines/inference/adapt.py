"""The weights of `infer` fine-tuned on the video's own speech, before the film is made with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lipsync_cli.config.quantities import parse_duration
from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.pipelines.callbacks import Notify, Progress, ignore
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.machine.resources import resolve_device
from lipsync_cli.pipelines.machine.start_torch import allow_generators
from lipsync_cli.runtime.temporary import temporary_folder

if TYPE_CHECKING:
    from lipsync_cli.faces.selection import FaceSelection
    from lipsync_cli.synthesis.job import Job, Prepare
    from lipsync_cli.synthesis.rendering.scene import ReferenceCache
    from lipsync_cli.training.adaptation import Adapted

NAME, SUFFIX = "adapted-", ".safetensors"
LIMIT_BYTES = 512 << 20  # of adapted weights in the cache
MIN_S = 2.5  # of talking: less teaches what was said, not how it is said
MIN_GAIN_DB = 0.5  # the frames held out are few: less may be luck
# Modules that collect the talking and learn from it, and those whose objects they are handed, see `code_version`.
ADAPT_STAGE = (
    *(
        "lipsync_cli.training.adaptation",
        "lipsync_cli.synthesis.references.pose_pairs",
        "lipsync_cli.synthesis.references.own_speech",
    ),
    *(
        "lipsync_cli.synthesis.rendering.scene",
        "lipsync_cli.synthesis.generation.local_runner",
        "lipsync_cli.synthesis.job",
    ),
)


@dataclass(frozen=True)
class Adapting:
    """What is asked for.

    Attributes
    ----------
    seconds : None: nothing
    weights : to begin with
    save : file for the weights
    device : torch device, as the user named it
    cache : folder in which they are kept, or None
    reference : whose pixels are moved, see `SceneBuilder`
    """

    seconds: float | None
    weights: Path | None
    save: Path | None
    device: str
    seed: int
    force: bool
    cache: Path | None
    reference: str = "auto"

    def check(self, face: Path) -> None:
        """Raise LipsyncError if the weights could not be written."""
        from lipsync_cli.runtime.atomic_files import check_output

        if self.save is not None:
            if self.save.suffix != SUFFIX:
                raise UsageError(f"--save-weights {self.save} is no {SUFFIX}", hint=f"name a file mine{SUFFIX}")
            check_output(self.save, self.force, [face])


def chosen_adapting(config: InferConfig, cache: Path | None) -> Adapting:
    """Return what the options ask for.

    Parameters
    ----------
    cache : folder below which adapted weights are kept, or None

    Raises
    ------
    UsageError : they contradict each other
    """
    asked, files = config.quality, config.files
    seconds = None if asked.adapt is None else parse_duration(asked.adapt)
    if seconds is None and asked.save_weights is not None:
        raise UsageError("--save-weights goes with --adapt", hint="say for how long, such as --adapt 1m")
    if seconds is not None and config.face.speaker:
        raise UsageError(
            "--adapt does not go with --speaker: in the sound of the video the voices are one",
            hint="adapt to each by --face WHO on a part in which this one speaks",
        )
    return Adapting(
        seconds,
        files.weights,
        asked.save_weights,
        config.performance.device,
        config.advanced.seed,
        files.force,
        None if cache is None else cache / "adapted",
        config.face.reference,
    )


@contextmanager
def adapted(
    asked: Adapting,
    face: Path,
    prepare: Prepare,
    choice: FaceSelection,
    memory: ReferenceCache,
    *,
    progress: Progress | None = None,
    notify: Notify = ignore,
    check: Callable[[], Job] | None = None,
    dry_run: bool = False,
    learn: Callable[..., Adapted] | None = None,
) -> Iterator[Prepare]:
    """Give `prepare` with adapted weights filled in; as it was, with a line that says why, where that is no use.

    Parameters
    ----------
    prepare : `prepare` with the face and its options filled in
    choice : whose face it is
    memory : what is known of it
    progress, notify : told how much is done, and in words what a user should know
    check : prepares the film, so that what is wrong with it is said before the time is spent
    dry_run : only check
    learn : trains the generator, called as `training.adaptation.adapt` is; None: that
    """
    if asked.seconds is None:
        yield prepare
        return
    asked.check(face)
    if dry_run:
        yield prepare
        return
    if check is not None:
        check().__exit__(None, None, None)
    with ExitStack() as opened:
        folder = opened.enter_context(temporary_folder())
        try:
            weights = _find_or_make(
                asked, face, prepare, choice, memory, folder, progress=progress, notify=notify, learn=learn
            )
        except NothingToDoError as error:
            notify(f"{face}: {error.fact}; the weights are not adapted")
            yield prepare
            return
        if asked.save is not None and weights != asked.save:
            _copy(weights, asked.save, asked.force)
        yield partial(prepare, weights=weights)


def _find_or_make(
    asked: Adapting,
    face: Path,
    prepare: Prepare,
    choice: FaceSelection,
    memory: ReferenceCache,
    folder: Path,
    *,
    progress: Progress | None,
    notify: Notify,
    learn: Callable[..., Adapted] | None,
) -> Path:
    """Return the file of the adapted weights; NothingToDoError where adapting is no use."""
    from lipsync_cli.datasets.personal_clip import PersonalClip
    from lipsync_cli.formats.weights import find_weights, load_weights, save_weights
    from lipsync_cli.media.probe import probe
    from lipsync_cli.runtime.array_cache import shrink
    from lipsync_cli.runtime.hashing import hash_file
    from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
    from lipsync_cli.synthesis.generation.local_runner import LocalRunner
    from lipsync_cli.synthesis.references.own_speech import collect_own_speech
    from lipsync_cli.synthesis.references.pose_pairs import pair_poses
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder
    from lipsync_cli.training.adaptation import adapt

    allow_generators()
    assert asked.seconds is not None
    info = probe(face)
    if info.is_image:
        raise NothingToDoError("a photo does not talk", face)
    if info.video is not None and info.audio is None:
        raise NothingToDoError("the video has no sound to learn from", face)
    alone: dict[str, Any] = {"driving_audio": None, "final_audio": None, "silence": "close", "extend": "trim"}
    alone |= {"open_voice": SpeechDriver}
    with prepare(face, folder / "own.mp4", force=True, device=None, **alone) as job:
        key = _key(asked, job, choice)
        kept = _place(asked.cache, key, notify)
        if kept is not None and kept.exists():
            kept.touch()
            if not kept.stat().st_size:
                raise NothingToDoError("adapting was no gain when it was last tried", face)
            notify(f"{face}: was adapted to before; {kept} is taken")
            return kept
        device, source = resolve_device(asked.device), find_weights(asked.weights)
        generator, header = load_weights(source, device)
        with SceneBuilder(asked.reference, memory=memory, choices=(choice,)) as builder:
            runner = LocalRunner(generator, device)
            voice = cast(SpeechDriver, job.voices[0])
            talking = collect_own_speech(
                job.source, voice, job.generator.header, builder, runner, MIN_S, progress=progress, notify=notify
            )
        crops, middles, mel, reference, features = talking
        recording = PersonalClip(
            face, crops, middles, mel, job.generator.header.crop_rule, reference, features=features
        )
        if reference is None:
            recording = replace(recording, pairs=pair_poses(recording))
        done = (learn or adapt)(
            generator, header.architecture, recording, asked.seconds, device, seed=asked.seed, progress=progress
        )
    target = kept or folder / f"{NAME}{key[:12]}{SUFFIX}"
    if done.gain_db < MIN_GAIN_DB:
        target.touch()  # empty: known to be no gain
        where = "on frames held out, where neither detail nor sync is lost"
        raise NothingToDoError(f"adapting is no gain (mouth PSNR {_figures(done)} {where})", face)
    notify(f"{face}: adapted with {len(recording.crops)} frames, mouth PSNR {_figures(done)} on those held out")
    about = {"video_sha256": hash_file(face), "frames": len(recording.crops), "samples": done.samples}
    header = replace(
        header,
        samples_seen=header.samples_seen + done.samples,
        data={**header.data, "adapted": {**about, "seconds": asked.seconds, "weights_sha256": header.sha256}},
        metrics={f"held_out/{name}": round(value, 4) for name, value in done.after.items()},
    )
    save_weights(target, dict(done.generator.state_dict()), header, force=True)
    if kept is not None:
        shrink(kept.parent, SUFFIX, LIMIT_BYTES)
    return target


def _place(cache: Path | None, key: str, notify: Notify) -> Path | None:
    """Return the file in the cache, which need not be there yet; an empty one says that adapting was no gain."""
    if cache is None:
        return None
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        notify(f"{cache}: cannot be made, the weights are adapted again next time ({error.strerror})")
        return None
    if not os.access(cache, os.W_OK):
        notify(f"{cache}: cannot be written, the weights are adapted again next time")
        return None
    return cache / f"{NAME}{key[:16]}{SUFFIX}"


def _key(asked: Adapting, job: Job, choice: FaceSelection) -> str:
    """Return what the adapted weights depend on."""
    import numpy as np

    from lipsync_cli.media.reading import reading_of
    from lipsync_cli.runtime.code_version import code_version
    from lipsync_cli.runtime.hashing import hash_file, make_key
    from lipsync_cli.synthesis.references.reference_cache import FACE_ASSETS, REFERENCE_ASSETS

    wanted = choice.wanted.tolist() if isinstance(choice.wanted, np.ndarray) else str(choice.wanted)
    return make_key(
        video=hash_file(job.source.path),
        span=[job.source.first_frame, job.source.timeline.num_frames],
        filters=list(job.source.picture.filters),
        reading=asdict(reading_of(job.source.path)),
        who=[wanted, choice.detector, *([] if choice.place is None else [choice.name])],
        weights=job.generator.header.sha256,
        seconds=asked.seconds,
        seed=asked.seed,
        device=asked.device.partition(":")[0],
        reference=asked.reference,
        vtln=job.voices[0].vtln,
        needed=[MIN_S, MIN_GAIN_DB],
        program=code_version(*ADAPT_STAGE, assets=FACE_ASSETS + REFERENCE_ASSETS),
    )


def _copy(weights: Path, save: Path, force: bool) -> None:
    from lipsync_cli.runtime.atomic_files import atomic_output

    with atomic_output(save, force) as temporary:
        shutil.copyfile(weights, temporary)


def _figures(done: Adapted) -> str:
    return f"{done.before['mouth_psnr']:.2f} dB before, {done.after['mouth_psnr']:.2f} dB after"
