"""Talking heads on a pack: drawn from each clip's first face, with the still and mismatched audio beside them."""

import numpy as np
import pytest
import torch

from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.metrics.image.reconstruction import MAX_PSNR_DB
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.models.generators.temporal import Identity, State, TemporalGenerator
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.scoring.protocols.talking_head_protocol import NOTES


class StillCopier(TemporalGenerator):
    """Draws the still, brighter by how loud the sound is: what it hears can be seen."""

    def __init__(self, gain=0.0):
        super().__init__(0.0625)
        self.gain = gain

    def identify(self, still):
        return Identity(still.flatten(1), [still])

    def draw(self, identity, speech, noise, state=None):
        loud = speech.abs().amax(1)[:, None, None, None]
        drawn = (identity.maps[0] + self.gain * loud).clamp(0, 1)
        return drawn, State(torch.zeros(2, 1, 256), torch.zeros(1, 1, 10))


def _score(talking_pack, generator):
    with Pack(talking_pack) as pack:
        return score_pack(pack, generator, families=find_metric_groups(["reconstruction"]))[0]


def test_the_rows_and_how_many_frames_each_has(talking_pack):
    scores = _score(talking_pack, StillCopier())
    assert set(scores.rows) == {"model", "copy", "wrong_audio", "ground_truth"}
    assert scores.clip_names == ["clip3", "clip4"]
    assert all(series.values.shape == (40,) for row in scores.rows.values() for series in row.values())
    assert (scores.rows["ground_truth"]["crop_psnr"].values == MAX_PSNR_DB).all()
    assert scores.notes[0] == NOTES[0]


def test_who_copies_the_still_scores_what_the_still_scores(talking_pack):
    scores = _score(talking_pack, StillCopier())
    model, copy = (scores.rows[row]["mouth_psnr"].values for row in ("model", "copy"))
    assert model == pytest.approx(copy, abs=0.05)
    assert np.ptp(copy) > 1  # the real faces change


def test_sound_is_heard(talking_pack):
    quiet, loud = (_score(talking_pack, StillCopier(gain)) for gain in (0.0, 0.5))
    one, other = (scores.rows["model"]["crop_psnr"].values for scores in (quiet, loud))
    assert np.median(np.abs(one - other)) > 0.3
