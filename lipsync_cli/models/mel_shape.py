"""The windows of log-mels that networks hear: how many bands (the thesis's M) and how many frames (its T) they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

MelShape = tuple[int, int]  # bands and frames of a window

MEL_SHAPE: MelShape = (80, 27)  # LipGAN's, and so the thesis's
LEAST: MelShape = (32, 9)  # less would leave one number, which LipGAN's normalisation cannot take
MOST: MelShape = (128, 81)


def check_mel_shape(shape: Sequence[int]) -> MelShape:
    """Return bands and frames of a window.

    Raises
    ------
    ValueError : they are no two whole numbers within LEAST and MOST, or the frames have none in their middle
    """
    if len(shape) != 2 or not all(type(number) is int for number in shape):
        raise ValueError(f"the windows of mels have bands and frames, not {shape!r}")
    bands, frames = shape
    if not LEAST[0] <= bands <= MOST[0]:
        raise ValueError(f"the windows of mels have {LEAST[0]} to {MOST[0]} bands, not {bands}")
    if not LEAST[1] <= frames <= MOST[1] or frames % 2 == 0:
        raise ValueError(f"the windows of mels have an odd number of frames, {LEAST[1]} to {MOST[1]}, not {frames}")
    return bands, frames


def shrink(shape: Sequence[int], *strides: MelShape) -> MelShape:
    """Return rows and columns that padded convolutions with these strides leave of a window.

    Raises
    ------
    ValueError : see `check_mel_shape`
    """
    rows, columns = check_mel_shape(shape)
    for down, across in strides:
        rows, columns = -(-rows // down), -(-columns // across)
    return rows, columns


def mel_shape_of(network: nn.Module) -> MelShape:
    """Return bands and frames of the windows that a network hears; MEL_SHAPE for one that hears none."""
    bands, frames = getattr(network, "mel_shape", MEL_SHAPE)
    return int(bands), int(frames)
