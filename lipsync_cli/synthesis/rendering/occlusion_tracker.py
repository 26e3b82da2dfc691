"""Looks out for what comes before the faces of a film while it is drawn."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.occlusion import MaskDecay, OcclusionClassifier, OcclusionMask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.references.reference_tracker import ReferenceTracker

STEP = 2  # every so-manieth frame is looked at, as long as nothing comes


class Look(NamedTuple):
    """A look at some frames of one view of a speaker, in their order.

    Attributes
    ----------
    posing : of the view
    numbers, frames : of the source
    shown : places among them that are looked at, with what the occlusion network is shown
    odds : what it will say; None: none is looked at
    """

    posing: ReferenceTracker
    numbers: Sequence[int]
    frames: Sequence[Frame]
    shown: dict[int, np.ndarray]
    odds: Future[np.ndarray] | None


class OcclusionTracker:
    """Finds what lies over faces, batch after batch, in the order of the film.

    Every other frame is looked at, the last of a batch among them. The others are where one beside them is covered, so
    that no hand is missed when it comes or goes. Nothing is looked at twice over which nothing lay.

    Parameters
    ----------
    runner : whose occlusion network is asked, if it has one
    rule : of the crops
    """

    def __init__(self, runner: GeneratorRunner, rule: CropRule) -> None:
        self._runner, self._verdict, self._release = runner, OcclusionClassifier(rule), MaskDecay()
        self._covered: set[int] = set()  # speakers over whose last face something lay

    def begin(self, posing: ReferenceTracker, numbers: Sequence[int], frames: Sequence[Frame]) -> Look:
        """Begin to look at frames of one view."""
        places: list[int] = []
        if self._runner.sees_occlusion:
            places = [place for place in range(len(numbers)) if (len(numbers) - 1 - place) % STEP == 0]
        places = [place for place in places if numbers[place] not in posing.bare]
        shown = {place: posing.shown(numbers[place], frames[place]) for place in places}
        return Look(posing, numbers, frames, shown, self._ask(posing, list(shown.values())))

    def finish(self, look: Look, speaker: int) -> list[OcclusionMask | None]:
        """Return what lies over each of the faces.

        Parameters
        ----------
        speaker : number of whose faces they are
        """
        if not self._runner.sees_occlusion:
            return [None] * len(look.numbers)
        found = self._judge(look.posing, look.shown, look.odds)
        between = [
            place
            for place, number in enumerate(look.numbers)
            if place not in look.shown
            and number not in look.posing.bare
            and (found.get(place - 1) or found.get(place + 1) or (place == 0 and speaker in self._covered))
        ]
        shown = {place: look.posing.shown(look.numbers[place], look.frames[place]) for place in between}
        found |= self._judge(look.posing, shown, self._ask(look.posing, list(shown.values())))
        over = [found.get(place) for place in range(len(look.numbers))]
        for number, covered in zip(look.numbers, over, strict=True):
            (look.posing.bare.add if covered is None else look.posing.bare.discard)(number)
        (self._covered.discard if over[-1] is None else self._covered.add)(speaker)
        return over

    def release(self, speaker: int, middle_s: float, covered: OcclusionMask | None) -> OcclusionMask | None:
        """Return what lies over a speaker's face with what fades there; see `MaskDecay.follow`."""
        return self._release.follow(speaker, middle_s, covered)

    def _ask(self, posing: ReferenceTracker, shown: list[np.ndarray]) -> Future[np.ndarray] | None:
        reference, other = posing.compared
        return self._runner.predict_occlusion(np.stack(shown), reference[None], other[None]) if shown else None

    def _judge(
        self, posing: ReferenceTracker, shown: dict[int, np.ndarray], odds: Future[np.ndarray] | None
    ) -> dict[int, OcclusionMask | None]:
        judged = zip(shown.items(), () if odds is None else odds.result(), strict=True)
        return {
            place: self._verdict.covered(each, picture, posing.compared, posing.contrast)
            for (place, picture), each in judged
        }
