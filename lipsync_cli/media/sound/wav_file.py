"""WAV files, written so that a full disk is told as one."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_TRIAL_BYTES = 1 << 16


def write_wav(path: Path, samples: np.ndarray, sample_rate: int, coding: str = "PCM_16") -> None:
    """Write samples (n,) or (n, channels) in -1 ... 1 as a WAV file.

    Parameters
    ----------
    sample_rate : in Hz
    coding : of libsndfile, such as PCM_16, PCM_24

    Raises
    ------
    OSError : it cannot be written
    """
    import soundfile

    try:
        soundfile.write(path, samples, sample_rate, subtype=coding)
    except soundfile.LibsndfileError as error:
        with open(path, "ab") as file:  # libsndfile does not give the reason; who goes on writing meets it
            file.write(bytes(_TRIAL_BYTES))
        raise OSError(errno.EIO, str(error), str(path)) from error
