"""A page that shows a frame of each video of a list of messages: one HTML file that needs nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lipsync_cli.errors import LipsyncError
from lipsync_cli.pipelines.callbacks import OnFailure
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.runtime.atomic_files import atomic_output, check_output

if TYPE_CHECKING:
    from lipsync_cli.scoring.report.html.element import Markup
    from lipsync_cli.synthesis.messages import Message

HEIGHT = 160  # pixels of a frame on the page
STYLE = """
.messages { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1.5rem; }
.messages img { display: block; max-width: 100%; border-radius: 4px; margin-bottom: 0.5rem; }
.messages p { overflow-wrap: anywhere; }
"""


class MessageReport:
    """Collects the videos of a list, those that are there already too, and what failed.

    Parameters
    ----------
    config : whose `report` names the page; it is replaced if it is there, as each run shows the whole list
    on_failure : what `fail` passes failures on to

    Raises
    ------
    InputError : the page cannot be written
    """

    def __init__(self, config: InferConfig, on_failure: OnFailure) -> None:
        assert config.message.report is not None
        self._path, self._config, self._on_failure = config.message.report, config, on_failure
        self._cards: list[Markup] = []
        self._failures: list[str] = []
        if self._path.parent != config.files.output:  # which is made later
            check_output(self._path, force=True)

    def fail(self, error: LipsyncError) -> None:
        """Note a failure, and pass it on."""
        self._failures.append(str(error))
        self._on_failure(error)

    def add(self, message: Message) -> None:
        """Note a video that is there now."""
        from lipsync_cli.scoring.report.html.element import data_uri, tag

        text = message.spoken.text if message.spoken is not None else str(message.speech)
        link = quote(os.path.relpath(message.output, self._path.parent))
        try:
            picture, duration_s = _read_middle(message.output)
        except LipsyncError as error:
            shown, length = tag("p", error.fact, class_="note"), ""
        else:
            shown = tag("img", src=data_uri("image/webp", picture), alt=f"A frame of {message.output.name}")
            length = f" · {duration_s:.1f} s"
        title = tag("p", tag("a", message.output.name, href=f"./{link}"), length)
        self._cards.append(tag("article", shown, title, tag("p", text, class_="note", dir="auto")))

    def write(self) -> None:
        """Write the page."""
        from importlib.resources import files

        from lipsync_cli import __version__
        from lipsync_cli.scoring.report.html.element import join, make_document, tag

        css = files("lipsync_cli.scoring.report.html").joinpath("style.css").read_text(encoding="utf-8")
        title = f"Messages of {self._config.files.face.name}"
        counts = f"{len(self._cards)} videos, {len(self._failures)} failures of this run"
        header = tag("header", tag("p", "lipsync infer", class_="kicker"), tag("h1", title), tag("p", counts))
        failed = tag("section", tag("h2", "Failures"), tag("ul", [tag("li", each) for each in self._failures]))
        videos = tag("section", tag("h2", "Videos"), tag("div", self._cards, class_="messages"))
        footer = tag("footer", f"lipsync {__version__}. The pictures are in this file; the videos lie beside it.")
        body = join(header, tag("main", failed if self._failures else None, videos), footer)
        with atomic_output(self._path, force=True) as temporary:
            temporary.write_text(make_document(title, css + STYLE, body), encoding="utf-8")


def _read_middle(path: Path) -> tuple[bytes, float]:
    """Return the middle frame of a video as WebP, and its duration in seconds."""
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.timeline import read_timeline
    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.scoring.report.html.embedded_media import encode_picture

    timeline, video = read_timeline(path), probe(path).video
    assert video is not None
    size = (max(2, round(video.width * HEIGHT / video.height)), HEIGHT)
    middle = timeline.num_frames // 2
    (frame,) = read_frames(path, middle, middle + 1, size)
    return encode_picture(frame), float(timeline.duration_s)
