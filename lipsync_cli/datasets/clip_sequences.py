"""Runs of consecutive aligned faces with their sound, and the still that each clip begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.frame_table import fetch_pixels
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.similarity import crop_to_aligned, smooth_points
from lipsync_cli.models.generators.mean_face import HEIGHT, WIDTH

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.frame_table import Crops, FrameTable
    from lipsync_cli.formats.pack_file import Pack

SMOOTHING = 1.0  # frames: standard deviation of the Gaussian that keeps noise of the landmarks out of the pictures
LEAST_SHIFT = 5  # frames between a picture and sound of its clip that is out of sync


@dataclass(frozen=True)
class RunSampling:
    """How runs are drawn.

    Parameters
    ----------
    runs : R of a batch
    length : frames L of each
    temperature : as in `frame_table.Sampling`
    seed : of all draws
    noise : numbers a frame, and their standard deviation
    sync_frames : frames that synchrony is judged on
    """

    runs: int
    length: int
    temperature: float
    seed: int
    noise: tuple[int, float]
    sync_frames: int


class Runs(NamedTuple):
    """R runs of L consecutive frames; fields with more rows than R have as many of each run, one run after the other.

    Attributes
    ----------
    still : shape (R, 3, 128, 96), RGB in [0, 1]: the first face of each run's clip
    target : shape (R L, 3, 128, 96), RGB in [0, 1]
    speech : shape (R L, ...), the window of sound of each frame
    noise : shape (R L, D)
    shown : shape (R K,), int64, places in their run of single frames to be judged
    synced : shape (R W,), int64, places in their run where frames to be judged with their sound begin
    shifted : shape (R W, ...), windows of sound that do not belong to these: of another time, or of another clip
    mismatched : shape (R L, ...), the windows of a run of another clip
    """

    still: Tensor
    target: Tensor
    speech: Tensor
    noise: Tensor
    shown: Tensor
    synced: Tensor
    shifted: Tensor
    mismatched: Tensor


class AlignedFaces:
    """The aligned faces of a split, cut out of its crops as they are asked for.

    Parameters
    ----------
    table : of the split
    template : shape (5, 2), the mean face

    Raises
    ------
    InputError : the pack does not know where eyes and noses are
    """

    def __init__(self, pack: Pack, crops: Crops, table: FrameTable, device: str, template: np.ndarray) -> None:
        if np.isnan(pack.landmarks).all():
            hint = "make it with lipsync pack --landmarks"
            raise InputError("does not know where eyes and noses are", pack.path, hint)
        self.table, self._crops, self.device, self.path = table, crops, device, pack.path
        points = pack.landmarks.astype(np.float64)
        for clip in pack.clips:
            rows = slice(int(clip["first_frame"]), int(clip["first_frame"] + clip["num_frames"]))
            points[rows] = smooth_points(points[rows], SMOOTHING)
        self._maps = crop_to_aligned(points, pack.box, pack.crop_rule, template)
        self._size = pack.crop_rule.size
        known = ~np.isnan(self._maps).any((1, 2))
        self.frames = {row: frames[known[frames]] for row, frames in table.frames.items()}
        self.rows = [row for row in table.rows if len(self.frames[row])]

    def cut(self, frames: np.ndarray, mirrored: np.ndarray | None = None) -> Tensor:
        """Cut aligned faces out: shape (n, 3, 128, 96), RGB in [0, 1], on the device.

        Parameters
        ----------
        frames : shape (n,), numbers in the pack
        mirrored : shape (n,), bool, which are turned left to right
        """
        import torch
        from torch.nn import functional

        pixels = fetch_pixels(self._crops, frames, self.device).permute(0, 3, 1, 2).float().div_(255)
        maps = torch.from_numpy(self._maps[frames]).to(pixels.device, torch.float32)
        # affine_grid counts from -1 to 1 over the pixels' outer edges, here and there
        scale = torch.tensor([WIDTH / 2, HEIGHT / 2], device=pixels.device)
        linear = maps[:, :, :2] * scale * (2 / self._size)
        shift = (maps[:, :, 2] + maps[:, :, :2] @ scale) * (2 / self._size) - 1
        if mirrored is not None:
            sign = torch.from_numpy(np.where(mirrored, -1.0, 1.0)).to(linear)
            linear = torch.stack([linear[:, :, 0] * sign[:, None], linear[:, :, 1]], 2)
        grid = functional.affine_grid(
            torch.cat([linear, shift[:, :, None]], 2), [len(frames), 3, HEIGHT, WIDTH], align_corners=False
        )
        return functional.grid_sample(pixels, grid, "bilinear", "border", align_corners=False)

    def find_runs(self, row: int, length: int) -> np.ndarray:
        """Find the frames of a clip with which a run of consecutive aligned faces begins."""
        frames = self.frames[row]
        return frames[np.isin(frames[:, None] + np.arange(length), frames).all(1)]


class RunSampler:
    """Draws batches of runs; seed and step decide each.

    Raises
    ------
    NothingToDoError : no clip has such a run
    """

    def __init__(self, faces: AlignedFaces, sampling: RunSampling) -> None:
        self.faces, self.sampling = faces, sampling
        table = faces.table
        self._starts = [faces.find_runs(row, sampling.length) for row in table.rows]
        chances = table.clip_probabilities(sampling.temperature) * [len(each) > 0 for each in self._starts]
        if not chances.any():
            raise NothingToDoError(f"no clip has {sampling.length} consecutive frames with a face", faces.path)
        self._chances = chances / chances.sum()

    def draw(self, step: int) -> Runs:
        """Draw the batch of a step."""
        import torch

        sampling, faces, table = self.sampling, self.faces, self.faces.table
        runs, length = sampling.runs, sampling.length
        rng = np.random.default_rng([sampling.seed, step, 5])
        places = rng.choice(len(self._starts), runs, p=self._chances)
        begins = np.array([self._starts[place][rng.integers(0, len(self._starts[place]))] for place in places])
        frames = begins[:, None] + np.arange(length)
        firsts = np.array([faces.frames[table.rows[place]][0] for place in places])
        mirrored = rng.random(runs) < 0.5
        others = self._other_runs(rng, places)
        windows = length // sampling.sync_frames
        offset = rng.integers(0, length - windows * sampling.sync_frames + 1, runs)
        synced = offset[:, None] + sampling.sync_frames * np.arange(windows)
        middles = np.take_along_axis(frames, synced + sampling.sync_frames // 2, 1)
        shifted = np.stack([self.shift(rng, place, row) for place, row in zip(places, middles, strict=True)])
        picked = np.stack([np.sort(rng.permutation(length)[: max(1, length // 4)]) for _ in range(runs)])
        number, deviation = sampling.noise
        noise = rng.normal(0, deviation, (runs * length, number)).astype(np.float32)

        def hear(wanted: np.ndarray) -> Tensor:
            return table.fetch_speech(wanted.reshape(-1), faces.device)

        everything = np.concatenate([firsts, frames.reshape(-1)])
        cut = faces.cut(everything, np.concatenate([mirrored, mirrored.repeat(length)]))
        return Runs(
            cut[:runs],
            cut[runs:],
            hear(frames),
            torch.from_numpy(noise).to(cut.device),
            torch.from_numpy(picked.reshape(-1)).to(cut.device),
            torch.from_numpy(synced.reshape(-1)).to(cut.device),
            hear(shifted),
            hear(others),
        )

    def _other_runs(self, rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
        """Draw a run of another clip for each (of the same one if there is no other): shape (R, L)."""
        usable = np.flatnonzero(self._chances)
        found = []
        for place in places:
            other = usable[rng.integers(0, len(usable))]
            if other == place and len(usable) > 1:
                other = usable[(np.searchsorted(usable, place) + 1) % len(usable)]
            found.append(self._starts[other][rng.integers(0, len(self._starts[other]))])
        return np.array(found)[:, None] + np.arange(self.sampling.length)

    def shift(self, rng: np.random.Generator, place: int, middles: np.ndarray) -> np.ndarray:
        """Draw for each frame one of its clip at least LEAST_SHIFT away, or by a fair coin one of another clip."""
        own = self.faces.frames[self.faces.table.rows[place]]
        found = []
        for middle in middles:
            pool = own[np.abs(own - middle) >= LEAST_SHIFT]
            if rng.random() < 0.5 or not len(pool):
                pool = self.faces.frames[self.faces.rows[rng.integers(0, len(self.faces.rows))]]
            found.append(int(pool[rng.integers(0, len(pool))]))
        return np.array(found)
