"""Which picture and which sound of a file count, where it holds several."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import run_tool, source
from lipsync_cli.media.reading import Reading, note

Stream = dict[str, Any]  # as ffprobe describes it
SILENT_DB = -60.0  # a track whose peak is lower has no voice
LENGTH_S = 600  # so much of each track is listened to
PEAK = re.compile(rb"max_volume: (-?[\d.]+) dB")


def choose_tracks(path: Path, streams: list[Stream], reading: Reading) -> tuple[Stream | None, Stream | None]:
    """Return the picture and the sound that count; a choice that may surprise is noted.

    A track that was asked for counts, else the only one that the file flags as default, else the first picture, and the
    first sound that is not silent.

    Raises
    ------
    InputError : there is no such track
    """
    pictures = [each for each in streams if _is_picture(each)]
    sounds = [each for each in streams if each.get("codec_type") == "audio" and each.get("sample_rate")]
    shown = _choose(path, pictures, reading.video_track, "video")
    heard = _choose(path, sounds, reading.audio_track, "audio")
    if heard is None and len(sounds) > 1:
        heard = next((each for each in sounds if not _is_silent(path, each)), sounds[0])
        _tell(path, sounds, heard, "audio", "the first that is not silent")
    return shown or _first(pictures), heard or _first(sounds)


def _choose(path: Path, tracks: list[Stream], number: int | None, kind: str) -> Stream | None:
    """Return the track that was asked for, else the only default, else None."""
    if number is not None:
        if number >= len(tracks):
            fact = f"has {len(tracks)} {kind} tracks, and --{kind}-track {number} is none of them"
            raise InputError(fact, path, "they are counted from 0")
        return tracks[number]
    defaults = [each for each in tracks if each.get("disposition", {}).get("default")]
    if len(defaults) != 1 or len(tracks) == 1:
        return None
    _tell(path, tracks, defaults[0], kind, "the default of the file")
    return defaults[0]


def _tell(path: Path, tracks: list[Stream], chosen: Stream, kind: str, why: str) -> None:
    number = tracks.index(chosen)
    if number:
        hint = f"--{kind}-track takes another of 0 to {len(tracks) - 1}"
        note(path, f"{kind} track {number} is taken, {why}", kind, hint)


def _is_silent(path: Path, stream: Stream) -> bool:
    options = ["-nostdin", "-nostats", "-hide_banner", "-threads", "1", "-t", str(LENGTH_S), *source(path)]
    result = run_tool("ffmpeg", [*options, "-map", f"0:{stream['index']}", "-af", "volumedetect", "-f", "null", "-"])
    peak = PEAK.search(result.stderr)
    return peak is None or float(peak[1]) < SILENT_DB


def _is_picture(stream: Stream) -> bool:
    return stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")


def _first(tracks: list[Stream]) -> Stream | None:
    return tracks[0] if tracks else None
