"""What the public functions return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import LipsyncError

if TYPE_CHECKING:
    from lipsync_cli.scoring.results.scores import Scores


@dataclass(frozen=True)
class InferResult:
    """The video that `infer` made.

    Attributes
    ----------
    output : the video
    num_frames, duration_s : of the output, in frames and seconds
    num_without_face : how many frames of the source that it shows have no face, and passed through
    num_covered : in how many of its frames something lies over the face, and stays there
    weights, weights_sha256 : name and SHA-256 of the generator's
    marks : what in the output says that it is synthetic
    """

    output: Path
    num_frames: int
    duration_s: float
    num_without_face: int
    num_covered: int
    weights: str
    weights_sha256: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class FacesResult:
    """What `detect_faces` found.

    Attributes
    ----------
    output : the HDF5 file
    clips, frames : how many it holds
    frames_without_face : how many of the frames have no box
    failures : one error for each clip that could not be read; it is not in the file
    """

    output: Path
    clips: int
    frames: int
    frames_without_face: int
    failures: tuple[LipsyncError, ...]


@dataclass(frozen=True)
class TrainResult:
    """What a training run has come to.

    Attributes
    ----------
    run : the folder
    weights : the best weights of the run, a .safetensors file
    samples : how many it has seen
    figures : the last validation's figures among others, JSON-able
    """

    run: Path
    weights: Path
    samples: int
    figures: dict[str, Any]


@dataclass(frozen=True)
class ScoreResult:
    """What `score` measured.

    Attributes
    ----------
    scores : every figure, frame by frame; `scores.summary()` has medians, extremes and confidence intervals
    failures : one error for each video of a folder that could not be scored
    """

    scores: Scores
    failures: tuple[LipsyncError, ...] = ()

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """The mean over all clips: row ("model" or "output", baselines such as "copy", "ground_truth") -> metric."""
        rows = self.scores.summary()["all"]
        return {row: {metric: found.mean for metric, found in metrics.items()} for row, metrics in rows.items()}
