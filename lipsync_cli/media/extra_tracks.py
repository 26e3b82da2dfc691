"""What a video holds beside its picture and its sound: further sound tracks, subtitles, chapters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import complaint, run_tool, source
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.encode import WRITE_ERROR, container
from lipsync_cli.runtime.json_values import check_object, parse_json
from lipsync_cli.runtime.temporary import temporary_folder

MP4 = {".mp4", ".mov", ".m4v"}
MP4_SOUND = {"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac"}  # what an MP4 takes as it is coded
TEXT = {"subrip", "ass", "ssa", "webvtt", "mov_text", "text"}


CUE = re.compile(r"(\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})(.*)")


class Track(NamedTuple):
    """A track of a file: its number among all streams, what it is, its coding, its language or ""."""

    number: int
    kind: str
    codec: str
    language: str

    def __str__(self) -> str:
        return f"{self.kind} track {self.number} ({', '.join(filter(None, (self.codec, self.language)))})"


class Chapter(NamedTuple):
    """A named part of a film, on the file's own clock."""

    start_s: Fraction
    end_s: Fraction
    title: str


def read_tracks(path: str | Path) -> tuple[list[Track], list[Chapter]]:
    """Return the tracks beside the picture and the sound that count, and the chapters."""
    info = probe(path)
    counted = {track.index for track in (info.video, info.audio) if track is not None}
    options = ["-v", "error", "-show_streams", "-show_chapters", "-of", "json"]
    result = run_tool("ffprobe", [*options, *source(path)])
    try:
        found = check_object(parse_json(result.stdout or b"{}"), "it")
    except InputError:
        found = {}
    if result.returncode or not found.get("streams"):
        raise InputError(f"cannot be read ({complaint(result.stderr, path)})", path)
    tracks = []
    for stream in found["streams"]:
        kind, tags = stream.get("codec_type", "unknown"), stream.get("tags", {})
        is_title = tags.get("handler_name") == "SubtitleHandler" and kind == "data"  # of a chapter
        if int(stream["index"]) not in counted and not is_title:
            codec = stream.get("codec_name") or stream.get("codec_tag_string", "unknown")
            tracks.append(Track(int(stream["index"]), kind, codec, tags.get("language", "").replace("und", "")))
    chapters = [
        Chapter(Fraction(each["start_time"]), Fraction(each["end_time"]), str(each.get("tags", {}).get("title", "")))
        for each in found.get("chapters", [])
    ]
    return tracks, chapters


def keep_tracks(
    film: str | Path,
    origin: str | Path,
    output: str | Path,
    duration_s: Fraction,
    start_s: Fraction = Fraction(0),
    tags: dict[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Copy a film and add the further sound tracks, the subtitles and the chapters of the video it was made from.

    Picture and sounds are not coded again. Subtitles must be text and become the container's own form of it.

    Parameters
    ----------
    film, output : the film without and with the tracks
    origin : the video that has the tracks
    duration_s : length of the film; what the tracks hold beyond it is cut
    start_s : moment of the origin, from its first frame, that the film begins with
    tags : metadata, as for `VideoWriter`

    Returns
    -------
    number of tracks and chapters that were kept, and those that the container does not take, in words

    Raises
    ------
    InputError : a file cannot be read or written
    """
    info, suffix = probe(origin), Path(output).suffix.lower()
    tracks, chapters = read_tracks(origin)
    kept = [track for track in tracks if _fits(track, suffix)]
    begin_s = start_s + (info.video.start_s - info.start_s if info.video is not None else 0)
    named = _within(chapters, begin_s + info.start_s, duration_s)
    part = ["-ss", f"{float(begin_s):.6f}"] if begin_s > 0 else []
    args = ["-v", "error", "-nostdin", "-y", "-itsoffset", f"{float(probe(film).start_s):.6f}", *source(film)]
    args += [*part, "-t", f"{float(duration_s):.6f}", *source(origin)]
    with temporary_folder() as folder:
        titles = folder / "chapters.txt"
        titles.write_text(_ffmetadata(named), encoding="utf-8")
        args += ["-f", "ffmetadata", *source(titles, "ffmetadata")]
        maps = ["-map", "0"]
        for number, track in enumerate(kept):
            if track.kind == "audio":
                maps += ["-map", f"1:{track.number}"]
                continue
            words = folder / f"{number}.srt"
            words.write_text(_subtitles(origin, track, begin_s, duration_s), encoding="utf-8")
            inputs = args.count("-i")
            args += ["-f", "srt", *source(words, "srt")]
            maps += ["-map", f"{inputs}:0", *_language(track, sum(each.kind == "subtitle" for each in kept[:number]))]
        coding = ["-c", "copy", "-c:s", "mov_text" if suffix in MP4 else "srt", "-copypriorss:a", "0"]

        coding += ["-map_metadata", "0", "-map_chapters", "2"]
        result = run_tool("ffmpeg", [*args, *maps, *coding, *container(Path(output), tags)])
    if result.returncode or WRITE_ERROR.search(result.stderr):
        raise InputError(f"cannot be written with its tracks ({complaint(result.stderr, output)})", output)
    return len(kept) + len(named), [str(track) for track in tracks if track not in kept]


def _language(track: Track, number: int) -> list[str]:
    return [f"-metadata:s:s:{number}", f"language={track.language}"] if track.language else []


def _subtitles(origin: str | Path, track: Track, begin_s: Fraction, duration_s: Fraction) -> str:
    """Read a track of subtitles as SubRip text, cut to a part of the file, on the part's clock."""
    options = ["-v", "error", "-nostdin", *source(origin), "-map", f"0:{track.number}", "-f", "srt", "-"]
    result = run_tool("ffmpeg", options)
    if result.returncode:
        raise InputError(f"{track} cannot be read ({complaint(result.stderr, origin)})", origin)
    cues: list[str] = []
    for block in re.split(r"\n\s*\n", result.stdout.decode("utf-8", "replace").replace("\r", "")):
        match = CUE.search(block)
        if match is None:
            continue
        first_s, last_s = (_seconds(match.groups()[place : place + 4]) - begin_s for place in (0, 4))
        if last_s > 0 and first_s < duration_s:
            times = f"{_clock(max(first_s, Fraction(0)))} --> {_clock(min(last_s, duration_s))}{match[9]}"
            cues.append(f"{len(cues) + 1}\n{times}{block[match.end() :]}\n")
    return "\n".join(cues)


def _seconds(parts: Sequence[str]) -> Fraction:
    hours, minutes, seconds, thousandths = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds + Fraction(thousandths, 1000)


def _clock(moment_s: Fraction) -> str:
    seconds, thousandths = divmod(round(moment_s * 1000), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{thousandths:03}"


def _within(chapters: Sequence[Chapter], start_s: Fraction, duration_s: Fraction) -> list[Chapter]:
    """Return the chapters that lie in a part of the file, cut to it, on the part's clock."""
    moved = [
        Chapter(max(Fraction(0), start - start_s), min(duration_s, end - start_s), title)
        for start, end, title in chapters
    ]
    return [chapter for chapter in moved if chapter.start_s < chapter.end_s]


def _ffmetadata(chapters: Sequence[Chapter]) -> str:
    """Write chapters in FFmpeg's own form of metadata."""
    lines = [";FFMETADATA1"]
    for start_s, end_s, title in chapters:
        escaped = re.sub(r"([=;#\\\n])", r"\\\1", title)
        times = [f"START={round(start_s * 1000)}", f"END={round(end_s * 1000)}"]
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", *times, f"title={escaped}"]
    return "\n".join(lines) + "\n"


def _fits(track: Track, suffix: str) -> bool:
    is_mp4 = suffix in MP4
    if track.kind == "audio":
        return not is_mp4 or track.codec in MP4_SOUND or (suffix == ".mov" and track.codec.startswith("pcm_"))
    return track.kind == "subtitle" and track.codec in TEXT
