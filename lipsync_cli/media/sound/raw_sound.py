"""Raw sound: samples without a header, as they come through a pipe."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

UNKNOWN_BYTES = 0xFFFF_FFFF  # in the header of a WAV: its samples end with the file
HEADER_BYTES = 44
# FFmpeg's names of the codings: WAVE's format tag, and bits a sample. All are little-endian.
CODINGS = {"u8": (1, 8), "s16le": (1, 16), "s24le": (1, 24), "s32le": (1, 32), "f32le": (3, 32)}


@dataclass(frozen=True)
class RawSound:
    """What the samples of raw sound are.

    Attributes
    ----------
    sample_rate : in Hz
    coding : one of CODINGS
    channels : whose samples alternate
    """

    sample_rate: int
    coding: str = "s16le"
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * CODINGS[self.coding][1] // 8

    def header(self, num_bytes: int | None = None) -> bytes:
        """Return the header of a WAV with so many bytes of samples; None: as many as follow."""
        tag, bits = CODINGS[self.coding]
        size = UNKNOWN_BYTES if num_bytes is None or num_bytes + HEADER_BYTES > UNKNOWN_BYTES else num_bytes
        about = (tag, self.channels, self.sample_rate, self.sample_rate * self.frame_bytes, self.frame_bytes, bits)
        whole = min(UNKNOWN_BYTES, size + HEADER_BYTES - 8)
        start = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", whole, b"WAVE", b"fmt ", 16, *about)
        return start + struct.pack("<4sI", b"data", size)

    def samples(self, data: bytes) -> np.ndarray:
        """Return whole samples as numbers: shape (n, channels) float32, -1 ... 1."""
        import numpy as np

        if self.coding == "f32le":
            values = np.frombuffer(data, "<f4")
        elif self.coding == "u8":
            values = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        elif self.coding == "s24le":
            parts = np.frombuffer(data, np.uint8).reshape(-1, 3)
            padded = np.concatenate([np.zeros((len(parts), 1), np.uint8), parts], axis=1)
            values = padded.reshape(-1).view("<i4") / np.float32(1 << 31)
        else:
            bits = CODINGS[self.coding][1]
            values = np.frombuffer(data, f"<i{bits // 8}") / np.float32(1 << (bits - 1))
        return values.astype(np.float32).reshape(-1, self.channels)
