"""A film that was written piece by piece, put together without coding the picture again."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import complaint, start_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.media.sound.sound_pipe import ChangeSound, SoundPipe
from lipsync_cli.media.sound.soundtrack import Soundtrack
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.tool_process import check_crash
from lipsync_cli.media.video.encode import container, is_cut
from lipsync_cli.runtime.temporary import temporary_folder

MICROSECOND = Fraction(1, 1_000_000)  # the clock by which FFmpeg puts files end to end


def join(
    pieces: Sequence[str | Path],
    starts: Sequence[int],
    timeline: Timeline,
    output: str | Path,
    audio: str | Path | Mix | None,
    audio_duration_s: Fraction,
    *,
    tags: dict[str, str] | None = None,
    change_sound: ChangeSound | None = None,
    least_rate: int = 0,
) -> None:
    """Put silent films end to end, the picture as it is coded, and code the sound over the whole, in constant memory.

    Parameters
    ----------
    pieces : MP4s that `VideoWriter` wrote with the same options
    starts : number of each piece's first frame in the film
    timeline : of the whole film; a piece begins when it says, to half a microsecond
    output : file to write; an existing one is overwritten, so give the temporary name of `atomic_output`
    audio, audio_duration_s, tags, change_sound, least_rate : as for `VideoWriter`

    Raises
    ------
    InputError : a file cannot be read or written
    """
    first = probe(pieces[0]).video
    if first is None:
        raise InputError("has no picture", pieces[0])
    sound = None if audio is None else Soundtrack(audio, audio_duration_s, least_rate=least_rate)
    changes = sound is not None and (change_sound is not None or sound.is_uneven)
    pipe = SoundPipe(sound, change_sound) if sound is not None and changes else None
    with temporary_folder() as folder, tempfile.TemporaryFile() as messages:
        listing = _list(pieces, starts, timeline, folder)
        films = ["-f", "concat", "-protocol_whitelist", "file,pipe", "-i", f"file:{listing}"]
        kept = ["-map", "0:v:0", "-c:v", "copy", "-video_track_timescale", str(first.time_base.denominator)]
        args = ["-v", "error", "-nostdin", "-y", *films]
        if sound is not None:
            args += (pipe or sound).input()
            kept += sound.output(1, filtered=pipe is not None)
        args += [*kept, *container(Path(output), tags)]
        process = start_tool(
            "ffmpeg",
            args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            pass_fds=() if pipe is None else (pipe.descriptor,),
        )
        failed = True
        try:
            if pipe is not None:
                pipe.start()
            failed = process.wait(Path(output)) != 0 or is_cut(messages, Path(output), timeline.num_frames)
        finally:
            process.end()
            if pipe is not None and failed:
                pipe.stop()
        check_crash(process.returncode, "ffmpeg", output)
        if failed:
            messages.seek(0)
            reason = complaint(messages.read(1 << 16), output)
            raise InputError(f"cannot be written ({reason})", output, "make room or choose another output")
        if pipe is not None:
            pipe.finish()


def _list(pieces: Sequence[str | Path], starts: Sequence[int], timeline: Timeline, folder: Path) -> Path:
    """Write FFmpeg's list of the pieces, under names in a folder that have nothing odd in them."""
    lines, ends = ["ffconcat version 1.0"], [*starts[1:], timeline.num_frames]
    for number, (piece, start, end) in enumerate(zip(pieces, starts, ends, strict=True)):
        name = f"{number:06}.mp4"
        (folder / name).symlink_to(Path(piece).absolute())
        begins, stops = (round(timeline.time(moment) / MICROSECOND) for moment in (start, end))
        lasts = stops - begins  # a difference of rounded times, so that errors do not add up
        lines += [f"file {name}", f"duration {lasts // 1_000_000}.{lasts % 1_000_000:06}"]
    listing = folder / "pieces.ffconcat"
    listing.write_text("\n".join(lines) + "\n", encoding="ascii")
    return listing
