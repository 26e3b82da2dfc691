"""What says that a film is synthetic, chosen for one film and put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import UsageError
from lipsync_cli.provenance.audio_watermark import HIGH_DB, HIGH_RATE, mark
from lipsync_cli.provenance.c2pa import SUFFIXES, Identity, sign
from lipsync_cli.provenance.metadata import LIPS, source_tags, synthetic_tags
from lipsync_cli.provenance.sidecar import sidecar_of, write_sidecar
from lipsync_cli.provenance.visible_label import Label, check_text, make_label
from lipsync_cli.runtime.atomic_files import check_output, private_file

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.media.sound.sound_pipe import ChangeSound


@dataclass(frozen=True)
class Marking:
    """The marks of a film. Metadata and the mark in the sound are always there, unless `no_mark` says why not.

    Attributes
    ----------
    no_mark : why the film is not marked; it is kept in the sidecar, which is then always written
    label : text of the visible label; None: no label
    sidecar : write the JSON file beside the film
    identity : who signs the content credentials; None: there are none
    options : of the command, for the sidecar
    keep_metadata : whether the film has the source's title, date and place
    holds_tags : whether the film's container has room for metadata
    has_sound : whether the film has sound, that can be marked
    what : is synthetic, as the metadata say it
    facts : more of the metadata, by name
    high : whether the sound is marked above hearing, too
    """

    no_mark: str | None = None
    label: str | None = None
    sidecar: bool = False
    identity: Identity | None = None
    options: dict[str, Any] = field(default_factory=dict)
    keep_metadata: bool = False
    holds_tags: bool = True
    has_sound: bool = True
    what: str = LIPS
    facts: Mapping[str, str] = field(default_factory=dict)
    high: bool = False

    def check(self, output: Path, force: bool = False) -> None:
        """Raise before anything is made what would fail after.

        Raises
        ------
        UsageError : the marks contradict each other, or the film's format cannot hold them
        InputError : the sidecar exists
        """
        if self.no_mark is not None:
            if not self.no_mark.strip():
                raise UsageError("--no-mark needs a reason", hint='such as --no-mark "marked by the broadcaster"')
            if self.label is not None or self.identity is not None or self.high:
                raise UsageError("--no-mark goes with none of --visible-watermark, --high-watermark, --credentials")
        if self.label is not None:
            check_text(self.label)
        if self.identity is not None and output.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"--credentials do not fit into {output.suffix}", hint=f"choose from {', '.join(SUFFIXES)}"
            )
        if self.writes_sidecar:
            check_output(sidecar_of(output), force)

    @property
    def writes_sidecar(self) -> bool:
        """Whether there will be a JSON file beside the film."""
        return self.sidecar or self.no_mark is not None

    @property
    def sound(self) -> bool:
        """Whether the sound is marked."""
        return self.no_mark is None and self.has_sound

    @property
    def change_sound(self) -> ChangeSound | None:
        """What marks the sound; None: nothing."""
        if not self.sound:
            return None
        return partial(mark, high_db=HIGH_DB) if self.high else mark

    @property
    def least_rate(self) -> int:
        """Samples a second that the film's sound needs for its marks."""
        return HIGH_RATE if self.sound and self.high else 0

    def names(self) -> list[str]:
        """Return the marks that the film itself carries."""
        if self.no_mark is not None:
            return []
        more: list[tuple[str, object]] = [("sound_high", self.change_sound if self.high else None)]
        more += [("label", self.label), ("credentials", self.identity)]
        always = [name for name, has in (("metadata", self.holds_tags), ("sound", self.has_sound)) if has]
        return [*always, *(name for name, value in more if value is not None)]

    def tags(self, header: WeightsHeader, source: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the film's metadata, given what the generator's weights say of themselves, and the source's tags."""
        kept = source_tags(source) if self.keep_metadata and source is not None else {}
        if self.no_mark is not None:
            return kept
        facts = {"marks": ",".join(self.names()), **self.facts}
        return kept | synthetic_tags(header.name, header.sha256, self.what, **facts)

    def draw(self, width: int, height: int, boxes: np.ndarray) -> Label | None:
        """Return the label for frames of a size, away from the faces' boxes (N, 4)."""
        return None if self.label is None else make_label(self.label, width, height, boxes)

    def sign(self, film: Path, output: Path) -> None:
        """Put the content credentials into the whole film that still lies at `film`, in place."""
        if self.identity is not None:
            with private_file(output) as signed:
                sign(film, signed, output.name, self.identity)
                signed.replace(film)

    def record(
        self, film: Path, output: Path, inputs: dict[str, Path], header: WeightsHeader, force: bool
    ) -> Path | None:
        """Write the sidecar, if there is to be one, for the whole film that still lies at `film`.

        Parameters
        ----------
        output : the film's name
        inputs : the files it was made of, by their role
        header : of the generator's weights
        """
        if not self.writes_sidecar:
            return None
        marks: dict[str, Any] = {"in_film": self.names(), "label": self.label, "no_mark_reason": self.no_mark}
        weights = {"name": header.name, "sha256": header.sha256}
        return write_sidecar(output, film, inputs, weights, marks, {"options": self.options}, force=force)
