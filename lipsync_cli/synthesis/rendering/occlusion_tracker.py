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
    tracker : of the view
    numbers, frames : of the source
    shown : places among them that are looked at, with what the occlusion network is shown
    logits : what it will say; None: none is looked at
    """

    tracker: ReferenceTracker
    numbers: Sequence[int]
    frames: Sequence[Frame]
    shown: dict[int, np.ndarray]
    logits: Future[np.ndarray] | None


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

    def begin(self, tracker: ReferenceTracker, numbers: Sequence[int], frames: Sequence[Frame]) -> Look:
        """Begin to look at frames of one view."""
        places: list[int] = []
        if self._runner.sees_occlusion:
            places = [place for place in range(len(numbers)) if (len(numbers) - 1 - place) % STEP == 0]
        places = [place for place in places if numbers[place] not in tracker.bare]
        shown = {place: tracker.shown(numbers[place], frames[place]) for place in places}
        return Look(tracker, numbers, frames, shown, self._ask(tracker, list(shown.values())))

    def finish(self, look: Look, speaker: int) -> list[OcclusionMask | None]:
        """Return what lies over each of the faces.

        Parameters
        ----------
        speaker : number of whose faces they are
        """
        if not self._runner.sees_occlusion:
            return [None] * len(look.numbers)
        found = self._classify(look.tracker, look.shown, look.logits)
        between = [
            place
            for place, number in enumerate(look.numbers)
            if place not in look.shown
            and number not in look.tracker.bare
            and (found.get(place - 1) or found.get(place + 1) or (place == 0 and speaker in self._covered))
        ]
        shown = {place: look.tracker.shown(look.numbers[place], look.frames[place]) for place in between}
        found |= self._classify(look.tracker, shown, self._ask(look.tracker, list(shown.values())))
        over = [found.get(place) for place in range(len(look.numbers))]
        for number, covered in zip(look.numbers, over, strict=True):
            (look.tracker.bare.add if covered is None else look.tracker.bare.discard)(number)
        (self._covered.discard if over[-1] is None else self._covered.add)(speaker)
        return over

    def release(self, speaker: int, middle_s: float, covered: OcclusionMask | None) -> OcclusionMask | None:
        """Return what lies over a speaker's face with what fades there; see `MaskDecay.follow`."""
        return self._release.follow(speaker, middle_s, covered)

    def _ask(self, tracker: ReferenceTracker, shown: list[np.ndarray]) -> Future[np.ndarray] | None:
        reference, other = tracker.compared
        return self._runner.predict_occlusion(np.stack(shown), reference[None], other[None]) if shown else None

    def _classify(
        self, tracker: ReferenceTracker, shown: dict[int, np.ndarray], logits: Future[np.ndarray] | None
    ) -> dict[int, OcclusionMask | None]:
        looked_at = zip(shown.items(), () if logits is None else logits.result(), strict=True)
        return {
            place: self._verdict.covered(each, picture, tracker.compared, tracker.contrast)
            for (place, picture), each in looked_at
        }
