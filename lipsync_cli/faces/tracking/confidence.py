"""In which frames a face can be trusted: large enough, turned to the camera, not covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.tracking.smoothing import gaussian, runs

if TYPE_CHECKING:
    from lipsync_cli.faces.tracking.face_track import Track

MIN_SIDE = 40.0  # pixels of the frame along the box: below, a mouth has 20 pixels at most
MIN_SCORE = 0.0  # of the detector, averaged as below; a face that looks at the camera has 0.5 to 3
MIN_SHARE = 0.5  # of this face's usual score, which is its upper quartile
SCORE_FRAMES = 4.0  # standard deviation of the average of the scores, in frames


def is_trusted(track: Track) -> np.ndarray:
    """Tell in which frames the face is wide enough and its score, averaged over time, high enough.

    HOG compares a face with frontal ones: its score falls as the head turns and where a hand covers the face.

    Returns
    -------
    shape (N,) bool; False where there is no face
    """
    trusted = ~np.isnan(track.boxes[:, 0])
    if not trusted.any():
        return trusted
    least = max(MIN_SCORE, MIN_SHARE * float(np.quantile(track.score[trusted], 0.75)))
    for run in runs(trusted.copy()):
        score = gaussian(np.asarray(track.score[run], np.float64)[:, None], SCORE_FRAMES)[:, 0]
        side = track.boxes[run, 2] - track.boxes[run, 0]
        trusted[run] = (score >= least) & (side >= MIN_SIDE)
    return trusted
