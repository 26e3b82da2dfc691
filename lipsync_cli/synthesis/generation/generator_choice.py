"""Which generator draws a film: its weights, checked, and the runner that loads them in the background."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.faces.crop import check_same
from lipsync_cli.formats.weights import WeightsHeader, check_kind, find_weights, load_weights, read_header
from lipsync_cli.media.probe import probe
from lipsync_cli.runtime.processes.cores import num_cores
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import FeatureParameters
from lipsync_cli.synthesis.drivers.speech_driver import sound_duration
from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.generation.process_runner import ProcessRunner

OWN_PROCESS_FRAMES = 200  # so many frames are worth a process of the generator's own, which begins with loading torch


@dataclass(frozen=True)
class GeneratorSettings:
    """Which generator, where, and how it draws.

    Attributes
    ----------
    weights : a run folder or a .safetensors file; None: the embedded ones
    device : torch device, or what returns it, called in the background; None loads no generator
    articulation : how much the mouth moves, beside what the generator learned; None: nearly as much as real ones
    occlusion : whether what lies over the face stays over it, as far as a network finds it; or the weights of another
        such network than that of the package
    """

    weights: Path | None = None
    device: str | Callable[[], str] | None = "cpu"
    articulation: float | None = None
    occlusion: bool | Path = True


@dataclass(frozen=True)
class GeneratorChoice:
    """A generator on its way.

    Attributes
    ----------
    header : what the weights say about themselves
    loading : the generator, which is loaded in the background; None if nothing is to be drawn
    occlusion : as in the settings
    """

    header: WeightsHeader
    loading: Future[GeneratorRunner] | None
    occlusion: bool | Path

    def result(self) -> GeneratorRunner:
        """Return the generator when it is loaded.

        Raises
        ------
        ValueError : it was chosen without a device
        LipsyncError : it cannot be loaded
        """
        if self.loading is None:
            raise ValueError("the job was prepared without a device")
        return self.loading.result()


def choose_generator(
    settings: GeneratorSettings, sound: Path, rate: Fraction, cores: int | None = None
) -> GeneratorChoice:
    """Check the weights and begin to load them.

    Parameters
    ----------
    sound, rate : of the film: where it will be long, the generator gets a process of its own
    cores : how many there are for it; one is not enough for a process of its own. None: those of the machine

    Raises
    ------
    InputError : weights are missing, damaged, of another kind, or hear other mels than this program makes
    """
    found = find_weights(settings.weights)
    header = read_header(found)
    check_kind(header, found)
    check_sound(header, found)
    if settings.device is None:
        return GeneratorChoice(header, None, settings.occlusion)
    occlusion = _find_occlusion(settings.occlusion, header)
    load = partial(
        _load, found, settings.device, settings.articulation, occlusion, partial(is_long, sound, rate, cores)
    )
    loader = ThreadPoolExecutor(1, "lipsync-load")
    loading = loader.submit(load)
    loader.shutdown(wait=False)
    return GeneratorChoice(header, loading, settings.occlusion)


def check_sound(header: WeightsHeader, path: Path) -> None:
    """Raise InputError if weights hear other mels or speech features than this program makes."""
    try:
        replace(MelParameters(), n_mels=header.mel_parameters.n_mels).check_same(header.mel_parameters)
    except InputError as error:
        raise InputError(f"were trained on other mels ({error.fact})", path, "train them again") from error
    if header.feature_parameters is not None:
        try:
            FeatureParameters().check_same(header.feature_parameters)
        except InputError as error:
            raise InputError(f"hear other speech features ({error.fact})", path, "train them again") from error


def is_long(sound: Path, rate: Fraction, cores: int | None = None) -> bool:
    """Tell whether a film with this sound will be long enough for a process of the generator's own.

    The loading waits for the answer, so that a header's word is enough; only where it is silent the sound is decoded.
    """
    if (cores or num_cores()) == 1:
        return False
    try:
        audio = probe(sound).audio
        told_s = None if audio is None else audio.duration_s
        return (sound_duration(sound) if told_s is None else told_s) * rate >= OWN_PROCESS_FRAMES
    except LipsyncError:
        return False  # it is said when the sound is read


def _find_occlusion(wanted: bool | Path, header: WeightsHeader) -> Path | None:
    """Return the file of the occlusion network that looks at the generator's crops, None if none is to, or none fits.

    Raises
    ------
    InputError : the one that is named is missing, or was trained on other crops
    """
    if wanted is False:
        return None
    path = find_weights(None if wanted is True else wanted, "occlusion network")
    known = read_header(path)
    check_kind(known, path, "occlusion network")
    try:
        check_same(known.crop_rule, header.crop_rule)
    except InputError as error:
        if wanted is True:
            return None
        raise InputError(f"was trained on other crops ({error.fact})", path, "train it from the same pack") from error
    return path


def _load(
    weights: Path,
    device: str | Callable[[], str],
    articulation: float | None,
    occlusion: Path | None,
    needs_process: Callable[[], bool],
) -> GeneratorRunner:
    """Load the generator: torch alone takes seconds, and meanwhile the files are read."""
    if needs_process():
        return ProcessRunner(weights, device, articulation, occlusion)
    name = device if isinstance(device, str) else device()
    found = load_weights(occlusion, name, "occlusion network")[0] if occlusion else None
    return LocalRunner(load_weights(weights, name)[0], name, articulation, occlusion=found)
