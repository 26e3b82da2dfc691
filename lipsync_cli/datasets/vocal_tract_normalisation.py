"""The sound of a pack as weights are to hear it: voices that they do not know brought to those that they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.speech.vtln import KnownVoices, find_factor, shift_formants

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.formats.pack_file import Pack


def normalise_voices(
    pack: Pack, split: str, known: KnownVoices | None, vtln: float | None = None
) -> tuple[np.ndarray, dict[str, float]]:
    """Normalise the vocal tract lengths of a split's clips.

    Parameters
    ----------
    known : voices that the weights know; None: not told
    vtln : by how much formants lie higher than theirs; None: as is heard of each clip

    Returns
    -------
    heard : shape of `pack.mel`, and that itself where nothing is changed
    factors : speaker/name of each clip that is changed, and by what its formants were divided
    """
    factors: dict[str, float] = {}
    heard = pack.mel
    for clip in pack.clips[pack.clips["split"] == split]:
        place = slice(int(clip["first_mel"]), int(clip["first_mel"]) + int(clip["num_mels"]))
        factor = vtln if vtln is not None else 1.0 if known is None else find_factor(pack.mel[place], known)
        if factor != 1:
            heard = heard.copy() if heard is pack.mel else heard
            heard[place] = shift_formants(pack.mel[place], factor)
            factors[f"{clip['speaker']}/{clip['name']}"] = factor
    return heard, factors
