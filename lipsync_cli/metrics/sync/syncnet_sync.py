"""LSE-D and LSE-C: distance and confidence of SyncNet with its published weights, as its authors' scripts compute them.

Chung and Zisserman 2016, "Out of time: automated lip sync in the wild"; the names LSE-D and LSE-C are those of Prajwal
et al. 2020 (Wav2Lip).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.metrics.metric import CLIP, HIGHER, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.models.syncnet import SyncNet

MAX_SHIFT = 15  # frames, in both directions: --vshift of the authors' scripts
FPS = 25
SAMPLES = 640  # of one frame, at 16 kHz
FRAMES, MFCC_STEPS = 5, 20  # of one window
MIN_WINDOWS = MAX_SHIFT + 1
WIDE = CropRule(scale=1.8, shift_y=0.16, size=224)
_BATCH = 20
_SMOOTH = 9  # frames of the median that the frame-wise confidence is passed through


class LipSyncError(NamedTuple):
    """What the scripts print for a clip.

    Attributes
    ----------
    offset : frames; above zero: the sound comes early
    distance : LSE-D, least mean distance over all shifts
    confidence : LSE-C, median of the mean distances minus the least
    curve : shape (31,), mean distance at shifts 15 ... -15
    frame_confidence : shape (n,), the same for every window, smoothed
    windows : n
    """

    offset: int
    distance: float
    confidence: float
    curve: np.ndarray
    frame_confidence: np.ndarray
    windows: int


def lip_sync_error(faces: Tensor, speech: Tensor, max_shift: int = MAX_SHIFT) -> LipSyncError:
    """Compare windows of pictures and of sound that begin at the same frames.

    Operation for operation what `calc_pdist` and `evaluate` of joonson/syncnet_python do, so that the figures are equal
    to the last bit: past the ends of the clip the sound's embeddings are zero vectors, which count in the means.

    Parameters
    ----------
    faces, speech : shape (n, 1024), float32
    """
    import torch
    from torch.nn import functional

    padded = functional.pad(speech, (0, 0, max_shift, max_shift))
    width = 2 * max_shift + 1
    distances = torch.stack(
        [
            functional.pairwise_distance(faces[[place]].repeat(width, 1), padded[place : place + width])
            for place in range(len(faces))
        ],
        1,
    )
    curve = torch.mean(distances, 1)
    lowest, where = torch.min(curve, 0)
    middle = torch.median(curve)
    per_frame = (middle - distances[where]).numpy()
    around = np.lib.stride_tricks.sliding_window_view(np.pad(per_frame, _SMOOTH // 2), _SMOOTH)
    return LipSyncError(
        max_shift - int(where),
        lowest.item(),
        (middle - lowest).item(),
        curve.numpy(),
        np.median(around, axis=1),
        len(faces),
    )


def embed(network: SyncNet, pictures: np.ndarray, samples: np.ndarray, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Embed every window of a clip but the last, as the scripts do.

    Parameters
    ----------
    network : with its weights, in evaluation mode
    pictures : shape (T, 224, 224, 3), uint8 RGB, 25 a second
    samples : shape (N,), 16 kHz, -1 to 1, from the moment the first picture appears

    Returns
    -------
    faces and speech, each of shape (min(T, N // 640) - 5, 1024), float32

    Raises
    ------
    MetricUnavailableError : there are fewer windows than shifts in one direction: some shifts would be judged by zero
        vectors alone
    """
    import torch

    from lipsync_cli.speech.mfcc import mfcc

    count = min(len(pictures), len(samples) // SAMPLES) - FRAMES
    if count < MIN_WINDOWS:
        raise MetricUnavailableError(
            f"{count + FRAMES} frames at {FPS} a second are too few: SyncNet needs {MIN_WINDOWS + FRAMES}"
        )
    sound = np.clip(np.round(np.asarray(samples, np.float64) * 32768), -32768, 32767)
    cepstra = torch.from_numpy(mfcc(sound).T.copy()).float()
    faces, speech = [], []
    with torch.inference_mode():
        for first in range(0, count, _BATCH):
            places = range(first, min(first + _BATCH, count))
            part = pictures[first : places[-1] + FRAMES, :, :, ::-1]  # the network was trained on BGR
            shown = torch.from_numpy(part.transpose(3, 0, 1, 2).astype(np.float32)).to(device)
            heard = torch.stack([cepstra[None, :, 4 * place : 4 * place + MFCC_STEPS] for place in places])
            windows = torch.stack([shown[:, place - first : place - first + FRAMES] for place in places])
            faces.append(network.embed_faces(windows).cpu())
            speech.append(network.embed_speech(heard.to(device)).cpu())
    return torch.cat(faces), torch.cat(speech)


def at_25_fps(middles: np.ndarray, frame: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
    """Choose the pictures that a clip of 25 frames a second shows, from the longest stretch with a face.

    Parameters
    ----------
    middles : shape (n,), s
    frame : shape (n,), numbers of the frames, ascending; a gap has no face
    fps : of the clip

    Returns
    -------
    shape (m,), indices of pictures, some perhaps twice; and the time at which the first appears, s
    """
    breaks = np.flatnonzero(np.diff(frame) > 1) + 1
    stretch = max(np.split(np.arange(len(frame)), breaks), key=len)
    start = float(middles[stretch[0]]) - 0.5 / fps
    end = float(middles[stretch[-1]]) + 0.5 / fps
    times = start + (np.arange(int((end - start) * FPS + 1e-6)) + 0.5) / FPS
    after = np.clip(np.searchsorted(middles[stretch], times), 1, max(1, len(stretch) - 1))
    pair = np.stack([stretch[after - 1], stretch[np.minimum(after, len(stretch) - 1)]])
    nearer = np.abs(middles[pair] - times).argmin(0)
    return pair[nearer, np.arange(len(times))], start


def _measure(evidence: ClipView) -> dict[str, float]:
    chosen, start = at_25_fps(evidence.middles, evidence.frame, evidence.fps)
    samples = evidence.samples[max(0, round(16000 * start)) :]
    faces, speech = embed(evidence.tools.syncnet(), evidence.wide[chosen], samples, evidence.tools.device)
    found = lip_sync_error(faces, speech)
    return {
        "lse_d_25fps": found.distance,
        "lse_c_25fps": found.confidence,
        "lse_offset_25fps": float(found.offset),
        "lse_windows": float(found.windows),
    }


_PROTOCOL = (
    "25 frames/s, windows of 5 pictures of 224 x 224 and 0.2 s of sound, shifts of up to 15 frames; pictures are "
    f"squares of {WIDE.scale:g} sides of the smoothed HOG box, {WIDE.shift_y:g} sides below its middle (the scripts: "
    "an S3FD box with 0.4 of its side added, smoothed by medians)"
)
_SOURCE = "Chung and Zisserman 2016; joonson/syncnet_python; Prajwal et al. 2020"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "lse_d_25fps",
                "LSE-D",
                "sync",
                CLIP,
                LOWER,
                f"least mean distance of SyncNet's embeddings over all shifts: {_PROTOCOL}",
                _SOURCE,
                digits=3,
            ),
            Metric(
                "lse_c_25fps",
                "LSE-C",
                "sync",
                CLIP,
                HIGHER,
                f"median of the mean distances over all shifts minus the least: {_PROTOCOL}",
                _SOURCE,
                digits=3,
            ),
            Metric(
                "lse_offset_25fps",
                "SyncNet offset",
                "sync",
                CLIP,
                NEAR,
                "15 minus the place of the least mean distance; above zero the sound comes early",
                _SOURCE,
                unit="frames",
                target=0.0,
                digits=1,
            ),
            Metric(
                "lse_windows",
                "SyncNet windows",
                "sync",
                CLIP,
                NEAR,
                "how many windows the three figures are of; with 70 (75 frames) a ninth of all distances are to the "
                "zero vectors past the ends",
                _SOURCE,
                digits=0,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        hears=True,
        is_standard=False,
        needs_wide=True,
    ),
)
