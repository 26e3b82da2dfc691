"""The sound of a film on its way to the encoder, changed as it passes, in constant memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import complaint, start_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.decoder import start_pinned
from lipsync_cli.media.sound.soundtrack import Soundtrack
from lipsync_cli.media.tool_process import ToolProcess, check_crash

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 16  # samples of each channel that are read at once
# Blocks of samples (n, channels), float32, and their rate in Hz -> the blocks as they are to be heard, as many samples.
ChangeSound: TypeAlias = "Callable[[Iterator[np.ndarray], int], Iterator[np.ndarray]]"


class SoundPipe:
    """Decodes a sound track, changes it and hands it to an encoder through a pipe.

    Parameters
    ----------
    track : the sound
    change : what it goes through; None: nothing

    Notes
    -----
    Give `descriptor` to the encoder, then call `start`; at the end call `finish` or `stop`.
    """

    def __init__(self, track: Soundtrack, change: ChangeSound | None = None) -> None:
        self.track, self.path, self._change = track, Path(track.path), change or (lambda pieces, rate: pieces)
        self.descriptor, self._sink = os.pipe()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
        self._thread = threading.Thread(target=self._run, name="lipsync-sound", daemon=True)
        self._decoder: ToolProcess | None = None
        self._others: list[ToolProcess] = []  # before it, of a sound that changes midway
        self._error: Exception | None = None

    def input(self) -> list[str]:
        """Return the options that open the pipe."""
        shape = ["-ar", str(self.track.sample_rate), "-ac", str(self.track.channels)]
        return ["-f", "f32le", *shape, "-i", f"pipe:{self.descriptor}"]

    def start(self) -> None:
        """Begin, once the encoder holds the other end."""
        os.close(self.descriptor)
        if self.track.is_uneven:
            track, layout = self.track, {1: "mono", 2: "stereo"}.get(self.track.channels)
            form = [] if layout is None else [f"aformat=channel_layouts={layout}"]
            started = start_pinned(probe(self.path), track.origin_s, track.sample_rate, form, self._messages)
            *self._others, self._decoder = started
        else:
            options = ["-v", "error", "-nostdin", "-threads", "1", *self.track.input(), *self.track.filtered(0), "-vn"]
            form = ["-ac", str(self.track.channels), "-f", "f32le", "-c:a", "pcm_f32le", "-"]
            self._decoder = start_tool(
                "ffmpeg",
                [*options, *form],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._messages,
            )
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end; InputError if the sound could not be decoded to it."""
        self._thread.join()
        assert self._decoder is not None
        codes = [process.wait() for process in (*self._others, self._decoder)]
        self._messages.seek(0)
        words = self._messages.read(1 << 16)
        self._messages.close()
        if self._error is not None:
            raise self._error
        status = next((code for code in codes if code), 0)
        check_crash(status, "ffmpeg", self.path)
        if status:
            raise InputError(f"the sound cannot be decoded ({complaint(words, self.path)})", self.path)

    def stop(self) -> None:
        """End it, whatever is left."""
        if self._decoder is not None:
            for process in (*self._others, self._decoder):
                process.kill()
            self._thread.join()
            for process in (*self._others, self._decoder):
                process.end()
        self._messages.close()

    def _blocks(self) -> Iterator[np.ndarray]:
        import numpy as np

        assert self._decoder is not None
        size, rest = 4 * self.track.channels, b""
        while data := self._decoder.read(BLOCK * size):
            data = rest + data
            whole = len(data) // size * size
            rest = data[whole:]
            yield np.frombuffer(data[:whole], "<f4").reshape(-1, self.track.channels)

    def _exact(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Cut or fill blocks to the track's length."""
        import numpy as np

        left = self.track.num_samples
        for block in blocks:
            yield block[:left]
            left = None if left is None else max(0, left - len(block))
        while left:
            yield np.zeros((min(left, BLOCK), self.track.channels), np.float32)
            left -= min(left, BLOCK)

    def _run(self) -> None:
        assert self._decoder is not None
        assert self._decoder.stdout is not None
        try:
            blocks = self._exact(self._blocks()) if self.track.is_uneven else self._blocks()
            for piece in self._change(blocks, self.track.sample_rate):
                rest = memoryview(piece.astype("<f4").tobytes())
                while rest:
                    rest = rest[os.write(self._sink, rest) :]
        except BrokenPipeError:
            self._decoder.kill()  # the encoder is gone, and says why
        except Exception as error:  # told by `finish`
            self._error = error
        finally:
            os.close(self._sink)
            self._decoder.stdout.close()
