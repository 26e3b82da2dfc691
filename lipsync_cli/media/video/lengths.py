"""Whether a film that was written is as long as it was to be, picture and sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe

AAC_BLOCK = 1024  # samples; Matroska counts the last block as whole
SLACK_S = Fraction(1, 50)  # players and containers round


def check_lengths(
    path: str | Path,
    num_frames: int,
    picture_s: Fraction,
    sound_s: Fraction | None,
    sound_path: str | Path | None = None,
) -> None:
    """Compare a finished film with its plan, by its headers.

    Parameters
    ----------
    num_frames, picture_s : of the picture as planned; it may end by a frame earlier or later
    sound_s : length of the sound as planned; None: there is to be none
    sound_path : file that the sound is from, for the message

    Raises
    ------
    InputError : picture or sound is missing, or longer or shorter than planned
    """
    info = probe(path)
    if info.video is None or (sound_s is not None and info.audio is None):
        raise InputError("was written without picture or sound", path)
    if info.video.num_frames not in (None, num_frames):
        raise InputError(f"{info.video.num_frames} of its {num_frames} frames were written", path, "run it again")
    frame_s = picture_s / num_frames
    parts = [("picture", info.video.duration_s, picture_s, frame_s + SLACK_S)]
    if sound_s is not None and info.audio is not None:
        block_s = 2 * Fraction(AAC_BLOCK, info.audio.sample_rate)
        parts.append(("sound", info.audio.duration_s, sound_s, block_s + SLACK_S))
    for what, found_s, wanted_s, slack_s in parts:
        if found_s is not None and abs(found_s - wanted_s) > slack_s:
            fact = f"the video's {what} came out {float(found_s):.2f} s long, {float(wanted_s):.2f} s were planned"
            raise InputError(fact, sound_path or path, "convert this file, such as by ffmpeg, and give the result")
