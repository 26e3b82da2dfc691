"""Pictures and films as bytes, small enough to lie in a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipsync_cli.errors import ToolError
from lipsync_cli.runtime.temporary import temporary_folder
from lipsync_cli.scoring.report.replay import Film, Shown
from lipsync_cli.speech.mel import SAMPLE_RATE

_QUALITY = 88  # WebP
_CRF = 25
_TILE = 160  # pixels: smaller pictures are enlarged to this height
_STRIP = 20  # pixels, for the words that say what is generated
_PAPER, _INK = 24, (235, 235, 235)


def encode_picture(pixels: np.ndarray) -> bytes:
    """Write a picture (H, W, 3), uint8 RGB, as WebP."""
    import cv2

    is_done, content = cv2.imencode(".webp", pixels[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    if not is_done:
        raise ToolError("OpenCV cannot write WebP", hint="install opencv-python-headless")
    return content.tobytes()


def encode_film(film: Film, order: Sequence[tuple[Shown, str]]) -> bytes:
    """Write pictures side by side as MP4: H.264 and AAC.

    Parameters
    ----------
    order : which row of pictures, from left to right, and the word above it
    """
    from lipsync_cli.media.sound.wav_file import write_wav
    from lipsync_cli.media.video.encode import VideoWriter

    with temporary_folder() as folder:
        path, sound = folder / "film.mp4", None
        if film.samples is not None and len(film.samples):
            sound = folder / "sound.wav"
            write_wav(sound, film.samples, SAMPLE_RATE)
        writer: VideoWriter | None = None
        count = min(len(film.tiles[shown]) for shown, _ in order)
        for number in range(count):
            frame = _lay_out([(film.tiles[shown][number], word) for shown, word in order])
            if writer is None:
                height, width = frame.shape[:2]
                writer = VideoWriter(
                    path, width, height, film.rate, sound, count / film.rate, crf=_CRF, preset="slow", tags=film.tags
                )
            try:
                writer.write(frame)
            except BaseException:
                writer.abort()
                raise
        assert writer is not None
        writer.close()
        return path.read_bytes()


def _lay_out(pictures: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    import cv2

    tiles = []
    for pixels, word in pictures:
        height, width = pixels.shape[:2]
        zoom = max(1.0, _TILE / height)
        size = tuple(max(2, round(side * zoom / 2) * 2) for side in (width, height))
        tile = np.full((size[1] + _STRIP, size[0] + 2, 3), _PAPER, np.uint8)
        tile[_STRIP:, :-2] = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC) if zoom > 1 else pixels
        cv2.putText(tile, word, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
        tiles.append(tile)
    tallest = max(len(tile) for tile in tiles)
    return np.concatenate([np.pad(tile, ((0, tallest - len(tile)), (0, 0), (0, 0))) for tile in tiles], axis=1)
