"""A film that goes through a pipe as it is made: containers that need no seeking."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, Any

from lipsync_cli.media.tool_process import Patience

CONTAINERS = ("mp4", "matroska", "mpegts")
FRAGMENT_US = 1_000_000  # of an MP4 that is written in fragments
# With the header only after the first fragment, it tells the times that the coders' delays take.
FRAGMENTED = "frag_keyframe+delay_moov+default_base_moof+use_metadata_tags"
READER_GONE = re.compile(rb"Broken pipe")
ENDLESS = float("inf")


@dataclass(frozen=True)
class PipeOutput:
    """Where a film goes that is no file.

    Attributes
    ----------
    descriptor : of the pipe, open for writing; it stays open
    container : one of CONTAINERS
    name : in messages
    """

    descriptor: int
    container: str = "mp4"
    name: str = "standard output"

    @property
    def holds_tags(self) -> bool:
        """Whether the container has room for metadata."""
        return self.container != "mpegts"

    def options(self, tags: dict[str, str] | None) -> list[str]:
        """Return the options that end FFmpeg's command line: metadata, the container and the pipe."""
        options: list[str] = []
        for key, value in (tags or {}).items():
            options += ["-metadata", f"{key}={value}"]
        if self.container == "mp4":
            options += ["-movflags", FRAGMENTED, "-frag_duration", str(FRAGMENT_US)]
        return [*options, "-f", self.container, "pipe:1"]

    def process_options(self) -> dict[str, Any]:
        """Return what the encoder is started with: a reader may take its time, as one that is paused does."""
        return {"stdout": self.descriptor, "patience": Patience(ENDLESS, ENDLESS)}

    @staticmethod
    def has_lost_reader(messages: IO[bytes]) -> bool:
        """Tell whether an encoder that has ended says that nobody reads any more."""
        messages.seek(0)
        return READER_GONE.search(messages.read(1 << 16)) is not None
