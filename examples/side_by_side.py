"""Videos side by side, with a text under each, and a contact sheet of their mouths, enlarged.

    python side_by_side.py OUT.mp4 --row BEFORE.mp4 AFTER.mp4 REAL.mp4 --texts "before" "lipsync" "the real video"

Every row has the same number of videos. Frame n of the result shows frame n of each, and the last frame of those that
end earlier. Sound, length and the metadata that says "synthetic" are those of the second video of the first row: the
one that `lipsync infer` has made. OUT.png, beside OUT.mp4, shows the mouths, a column for each of ten moments of the
speech.

This is a script and not a command, because the real video exists only where results are judged. It reads and writes
videos by the package's own functions, with the FFmpeg that they find.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter

TEXT_HEIGHT, GAP = 26, 8  # pixels
MOMENTS, SIDE = 10, 168  # columns of the contact sheet, and pixels of a mouth's side in it
LOUD = 0.15  # of the loudest frame's mean level: as much makes a frame a moment of speech
MOUTH = (0.5, 0.80, 0.62)  # middle (x, y) and side of the mouth's square, in units of the face's box
SPEECH_RATE = 16_000  # Hz
MARKS = ("comment", "description")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--row", action="append", nargs="+", type=Path, required=True, metavar="VIDEO")
    parser.add_argument("--texts", action="append", nargs="+", required=True, metavar="TEXT", help="one for each video")
    given = parser.parse_args()
    if len({len(line) for line in (*given.row, *given.texts)}) > 1 or len(given.texts) != len(given.row):
        parser.error("every --row needs its --texts, and all rows the same number of videos")
    if len(given.row[0]) < 2:
        parser.error("a row needs at least two videos; the second is the one that lipsync made")
    write_video(given.output, given.row, given.texts)
    sheet = given.output.with_suffix(".png")
    cv2.imwrite(str(sheet), cv2.cvtColor(draw_mouths(given.row, given.texts), cv2.COLOR_RGB2BGR))
    sys.stdout.write(f"{given.output}\n{sheet}\n")


def write_video(output: Path, rows: list[list[Path]], texts: list[list[str]]) -> None:
    """Write the videos side by side, row below row."""
    made = rows[0][1]
    timeline, info = read_timeline(made), probe(made)
    assert info.video is not None
    size = info.video.width, info.video.height
    tags = {name: text for name, text in info.tags.items() if name in MARKS or name.startswith("lipsync_")}
    streams = [[hold(read_frames(path, size=size)) for path in row] for row in rows]
    strips = [join([write_text(text, size[0]) for text in line], 1) for line in texts]
    output.parent.mkdir(parents=True, exist_ok=True)
    height = len(rows) * (size[1] + TEXT_HEIGHT) + (len(rows) - 1) * GAP
    width = len(rows[0]) * size[0] + (len(rows[0]) - 1) * GAP
    with VideoWriter(
        output, width, height, timeline, audio=made, audio_duration_s=timeline.duration_s, tags=tags
    ) as writer:
        for _ in range(timeline.num_frames):
            pictures = [join([next(stream) for stream in row], 1) for row in streams]
            writer.write(join([np.vstack(pair) for pair in zip(pictures, strips, strict=True)], 0))


def hold(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Give the frames, then the last one for ever."""
    frame = np.zeros(0, np.uint8)
    for frame in frames:
        yield frame
    yield from repeat(frame)


def join(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """Put pictures of one size beside (axis 1) or below (axis 0) each other, with a white gap."""
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (gap, picture)][1:], axis)


def write_text(text: str, width: int, scale: float = 0.5) -> np.ndarray:
    """Return black letters in the middle of a white strip (TEXT_HEIGHT, width, 3), smaller where they do not fit."""
    strip, font = np.full((TEXT_HEIGHT, width, 3), 255, np.uint8), cv2.FONT_HERSHEY_SIMPLEX
    (length, _), _ = cv2.getTextSize(text, font, scale, 1)
    scale *= min(1.0, (width - 8) / length)
    (length, rise), _ = cv2.getTextSize(text, font, scale, 1)
    place = (width - length) // 2, (TEXT_HEIGHT + rise) // 2
    return cv2.putText(strip, text, place, font, scale, (0, 0, 0), 1, cv2.LINE_AA)


def draw_mouths(rows: list[list[Path]], texts: list[list[str]]) -> np.ndarray:
    """Return a contact sheet of the mouths: a line for each video, its text above it; a column for each moment."""
    moments = choose_moments(rows[0][1])
    mouths = {path: join(cut_mouths(path, moments), 1) for path in dict.fromkeys(chain(*rows))}
    lines = [
        np.vstack([write_text(text, mouths[path].shape[1], 0.6), mouths[path]])
        for path, text in zip(chain(*rows), chain(*texts), strict=True)
    ]
    times_s = read_timeline(rows[0][1]).middles()[moments]
    return np.vstack([join(lines, 0), join([write_text(f"{time_s:.2f} s", SIDE) for time_s in times_s], 1)])


def choose_moments(video: Path) -> np.ndarray:
    """Return the numbers of `MOMENTS` frames, evenly taken from those at which something is heard."""
    middles, samples = read_timeline(video).middles(), np.abs(read_speech(video, SPEECH_RATE))
    half = SPEECH_RATE // 50
    places = (middles * SPEECH_RATE).astype(int)
    level = np.array([samples[max(0, place - half) : place + half].sum() for place in places])
    loud = np.flatnonzero(level >= LOUD * level.max())
    return loud[np.linspace(0, len(loud) - 1, MOMENTS).round().astype(int)]


def cut_mouths(video: Path, moments: np.ndarray) -> list[np.ndarray]:
    """Return the mouth of the video's largest face in some frames, enlarged to (SIDE, SIDE, 3)."""
    frames = list(read_frames(video))
    boxes = find_face(iter(frames), CropRule()).boxes
    mouths = []
    for moment in np.minimum(moments, len(frames) - 1):
        x0, y0, x1, _ = boxes[moment]
        if np.isnan(x0):
            mouths.append(np.full((SIDE, SIDE, 3), 128, np.uint8))
            continue
        side = float(x1 - x0)
        middle = float(x0) + MOUTH[0] * side, float(y0) + MOUTH[1] * side
        zoom = SIDE / (MOUTH[2] * side)
        matrix = np.array([[zoom, 0, SIDE / 2 - zoom * middle[0]], [0, zoom, SIDE / 2 - zoom * middle[1]]])
        mouths.append(cv2.warpAffine(frames[moment], matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC))
    return mouths


if __name__ == "__main__":
    main()
