"""Which clips a folder holds, and who speaks in them: the folder's name is the speaker's, as in the GRID corpus."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, check_name

VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob",
    ".webm", ".wmv",
)  # fmt: skip
SOUND_SUFFIXES = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
FRAMES_RECORD = "frames.json"  # marks a folder that extract-frames made
FRAMES_SOUND = "speech.wav"

VIDEO, SOUND, FRAMES = "video", "sound", "frames"
_NO_SPEAKER = {"audio", "mpg", "mpg_6000", "mpg_vcd", "video", "videos", "wav"}  # folders between speaker and clip


@dataclass(frozen=True)
class Clip:
    """One clip.

    Parameters
    ----------
    speaker, name : what joins faces and mels; the folder's name and the file's without its suffix
    path : the file, or the folder of extracted frames
    file : its path below the folder that was searched, with forward slashes
    kind : "video", "sound" or "frames"
    """

    speaker: str
    name: str
    path: Path
    file: str
    kind: str

    @property
    def sound(self) -> Path:
        """The file that its sound is in, if it has any."""
        return self.path / FRAMES_SOUND if self.kind == FRAMES else self.path


def find_clips(
    source: str | Path,
    kinds: tuple[str, ...] = (VIDEO, FRAMES),
    on_failure: Callable[[LipsyncError], None] | None = None,
) -> list[Clip]:
    """Find the clips in a folder, however deep, or take the one file that is named.

    Parameters
    ----------
    kinds : which of "video", "sound" and "frames" count; of two clips with the same speaker and name, the one of the
        earlier kind is taken
    on_failure : told of clips left out because another one of their kind has the same speaker and name

    Returns
    -------
    sorted by speaker and name

    Raises
    ------
    InputError : there is nothing at `source`
    NothingToDoError : no clip was found
    """
    source = Path(source)
    if not source.exists():
        raise InputError("no such file or folder", source, "check the name")
    root = source if source.is_dir() else source.parent
    if source.is_dir():
        found = _walk(root, kinds)
    else:
        kind = _kind_of(source) or kinds[0]
        if kind not in kinds:
            raise InputError(f"is {kind}, and {' or '.join(kinds)} is needed", source, "give another file")
        found = [_make_clip(source, root, kind)]
    clips: dict[tuple[str, str], Clip] = {}
    for clip in list(found):
        try:
            check_name(clip.path)
        except InputError as error:
            found.remove(clip)
            if on_failure is not None:
                on_failure(error)
    for clip in sorted(found, key=lambda clip: (clip.speaker, clip.name, kinds.index(clip.kind), clip.file)):
        first = clips.setdefault((clip.speaker, clip.name), clip)
        if first is not clip and first.kind == clip.kind and on_failure is not None:
            on_failure(InputError(f"has the speaker and name of {first.path}, and is left out", clip.path))
    if not clips:
        raise NothingToDoError("no clips in this folder", source, f"clips end in {' '.join(VIDEO_SUFFIXES)}")
    return list(clips.values())


def find_share(
    source: str | Path,
    shard: Shard | None,
    kinds: tuple[str, ...] = (VIDEO, FRAMES),
    on_failure: Callable[[LipsyncError], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> list[Clip]:
    """Find the clips that one of several parts of the work has, as `find_clips`; all of them without a part.

    Parameters
    ----------
    on_failure : as for `find_clips`; the first part alone is told, so that nothing is told twice
    notify : told how many clips the part has

    Raises
    ------
    InputError, NothingToDoError : as `find_clips`; also where there are more parts than clips
    """
    if shard is None:
        return find_clips(source, kinds, on_failure)
    clips = find_clips(source, kinds, on_failure if shard.is_first else None)
    mine = shard.take(clips)
    if not mine:
        raise NothingToDoError(f"shard {shard} has none of its {len(clips)} clips", source, "ask for fewer shards")
    if notify is not None:
        notify(f"{source}: shard {shard} has {len(mine)} of {len(clips)} clips")
    return mine


def _walk(root: Path, kinds: tuple[str, ...]) -> list[Clip]:
    found: list[Clip] = []
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if FRAMES_RECORD in files:
            subfolders.clear()
            if FRAMES in kinds:
                found.append(_make_clip(Path(folder), root, FRAMES))
            continue
        for name in files:
            path = Path(folder, name)
            if not name.startswith(".") and (kind := _kind_of(path)) in kinds:
                found.append(_make_clip(path, root, kind))
    return found


def _kind_of(path: Path) -> str:
    suffix = path.suffix.lower()
    return VIDEO if suffix in VIDEO_SUFFIXES else SOUND if suffix in SOUND_SUFFIXES else ""


def _make_clip(path: Path, root: Path, kind: str) -> Clip:
    relative = path.relative_to(root)
    parents = [part for part in relative.parts[:-1] if part.lower() not in _NO_SPEAKER]
    if parents:
        speaker = parents[-1]
    else:
        above = root.resolve() if path != root else root.resolve().parent
        while above.name.lower() in _NO_SPEAKER and above.parent != above:
            above = above.parent
        speaker = above.name or "speaker"
    name = (path.name or path.resolve().name) if kind == FRAMES else path.stem
    return Clip(speaker, name, path, relative.as_posix(), kind)
