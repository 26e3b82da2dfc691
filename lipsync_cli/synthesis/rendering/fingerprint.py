"""Everything that a film depends on, by name: two runs with the same facts make the same film."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.media.ffmpeg_check import tool_version
from lipsync_cli.media.reading import reading_of
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver

if TYPE_CHECKING:
    from lipsync_cli.synthesis.drivers.driver import Voice
    from lipsync_cli.synthesis.job import Job
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.rendering.scene import Scene


def fingerprint_of(job: Job, scene: Scene, marking: Marking, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a film, JSON-able.

    Files count by their content and not by their names, so that the same command from another folder makes the same
    film; so do the generator's parameters, the found faces and the chosen references, whatever led to them.

    Parameters
    ----------
    job, scene, marking : the film
    arguments : of the function that makes it
    """
    plan, source, runner, sound = job.schedule, job.source, scene.renderer.runner, job.output.sound
    paths = sound.paths if isinstance(sound, Mix) else (sound,)
    hashes = {path: hash_file(path) for path in {source.path, *paths, *(voice.path for voice in job.voices)}}
    tags = marking.tags(job.generator.header, job.source.info.tags)
    facts = {
        "version": __version__,
        "ffmpeg": tool_version("ffmpeg"),
        "kind of video": job.output.path.suffix.lower(),
        "face": hashes[source.path],
        "voices": [(hashes[voice.path], _reading(voice.path), *_about(voice)) for voice in job.voices],
        "sound": [(hashes[path], _reading(path)) for path in paths],
        "weights": [job.generator.header.sha256, runner.fingerprint()],
        "device": runner.device,
        "batch size": scene.renderer.batch_size,
        "found faces": _digest([scene.boxes.tobytes(), repr(scene.boxes.shape).encode()]),
        "references": [
            None if each is None else [list(references) for references in each] for each in scene.references
        ],
        "picture": [
            source.first_frame,
            list(source.picture.filters),
            repr(source.picture.color_tags),
            _reading(source.path),
        ],
        "times": [_digest([plan.order.tobytes(), plan.timeline.pts.tobytes()]), str(plan.timeline.time_base)],
        **({"spans": repr(plan.spans)} if plan.spans else {}),
        "length of the sound": str(plan.sound_s),
        "marks": [
            marking.names(),
            marking.label,
            marking.no_mark,
            marking.writes_sidecar,
            tags,
        ],
    }
    given = {**arguments, **marking.options}
    return facts | {name.replace("_", " "): _plain(value) for name, value in given.items() if not _is_path(value)}


def _about(voice: Voice) -> tuple[Any, ...]:
    """Return how a file drives a mouth."""
    kind = () if isinstance(voice, SpeechDriver) else (type(voice).__name__,)
    return voice.silence, voice.vtln, *kind


def _reading(path: Path) -> str:
    return repr(reading_of(path))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _is_path(value: Any) -> bool:
    return isinstance(value, Path) or (isinstance(value, list) and any(isinstance(each, Path) for each in value))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, (str, int, float, bool, type(None), list)) else str(value)
