"""Raw frames with their own times, as a Matroska stream: what FFmpeg reads from a pipe when the frame rate varies.

The elements are those of RFC 8794 (EBML) and RFC 9559 (Matroska): one cluster a frame, times in nanoseconds.
"""

from __future__ import annotations

from fractions import Fraction

UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
NANOSECONDS = 1_000_000_000


def header(width: int, height: int, layout: bytes = b"RGB\x18") -> bytes:
    """Return the start of a stream with one track of uncompressed frames: RGB, 8 bits a channel, or b"I420"."""
    ebml = _element(0x1A45DFA3, _element(0x4282, b"matroska"), _number(0x4287, 4), _number(0x4285, 2))
    info = _element(0x1549A966, _number(0x2AD7B1, 1))  # one tick is a nanosecond
    picture = _element(0xE0, _number(0xB0, width), _number(0xBA, height), _element(0x2EB524, layout))
    names = _number(0xD7, 1), _number(0x73C5, 1), _number(0x83, 1), _element(0x86, b"V_UNCOMPRESSED")
    tracks = _element(0x1654AE6B, _element(0xAE, *names, picture))
    return ebml + _id(0x18538067) + UNKNOWN_SIZE + info + tracks


def frame_header(time_s: Fraction, duration_s: Fraction, num_bytes: int) -> bytes:
    """Return what stands before the `num_bytes` bytes of a frame that is shown at `time_s` for `duration_s`."""
    duration = _number(0x9B, round(duration_s * NANOSECONDS))
    block = b"\x81" + bytes(3)  # track 1, at the cluster's time, no flags
    start = _id(0xA1) + _size(len(block) + num_bytes) + block
    group = _id(0xA0) + _size(len(duration) + len(start) + num_bytes) + duration + start
    moment = _number(0xE7, round(time_s * NANOSECONDS))
    return _id(0x1F43B675) + _size(len(moment) + len(group) + num_bytes) + moment + group


def trailer() -> bytes:
    """Return the end of the stream: an empty element that shows the reader that the last cluster is complete."""
    return _element(0xEC, bytes(16))


def _element(identity: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return _id(identity) + _size(len(content)) + content


def _number(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(8, "big"))


def _id(identity: int) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    return (length | 1 << 56).to_bytes(8, "big")
