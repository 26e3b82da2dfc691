"""Make a thousand faces and voices of one: random transforms that reference and target share, and changes of the sound.

The same transform is applied to a reference and to its targets, so that what the network has to do stays the same
while the face, its colours and its light do not; only the pose is each target's own. A vertical flip is never used
(thesis, further work).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.datasets.transforms.face import Looks, change_light, draw_grid, draw_poses, follow, sample
from lipsync_cli.datasets.transforms.facial_hair import carry, draw_textures, paint
from lipsync_cli.datasets.transforms.names import GROUPS
from lipsync_cli.datasets.transforms.voice import change_voice
from lipsync_cli.models.lip_reader import mouth_of

if TYPE_CHECKING:
    from lipsync_cli.datasets.sync_windows import Windows
    from lipsync_cli.datasets.word_clips import Utterances

STANDARD = frozenset(GROUPS["standard"])


def augment(batch: Batch, seed: int, step: int, share: float = 1.0, transforms: frozenset[str] = STANDARD) -> Batch:
    """Apply random face and speech transforms, determined by seed and step alone.

    Parameters
    ----------
    batch : as `datasets.frame_table.gather` gave it
    share : of the references that are transformed, with their targets and sounds; the last ones stay as they are
    transforms : which, see `names.parse_transforms`

    Returns
    -------
    a batch of the same shapes
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    each = len(batch.target) // len(batch.reference)
    changed = math.ceil(len(batch.reference) * share)
    if not changed:
        return batch
    part = Batch(batch.reference[:changed], *(field[: changed * each] for field in batch[1:]))
    grid = draw_grid(changed, part.reference.shape[-1], transforms, generator).to(part.reference.device)
    looks = Looks(changed, transforms, generator, part.reference.device)
    reference, target = part.reference, part.target
    if "texture" in transforms:
        textures = draw_textures(changed, reference.shape[-1], generator).to(reference.device)
        target = paint(target, carry(textures, reference, target))
        reference = paint(reference, textures)
    target_grid = grid.repeat_interleave(each, 0)
    if "pose" in transforms:
        target_grid = follow(target_grid, draw_poses(len(target), target.shape[-1], generator).to(target.device))
    mel, mismatched_mel = (change_voice(sound, transforms, generator) for sound in (part.mel, part.mismatched_mel))
    hears_mel = part.speech.shape == part.mel.shape  # speech features were altered before they were encoded
    part = Batch(
        looks.apply(sample(reference, grid), 1),
        looks.apply(sample(target, target_grid), each),
        mel,
        mismatched_mel,
        mel if hears_mel else part.speech,
        mismatched_mel if hears_mel else part.mismatched_speech,
    )
    return Batch(*(torch.cat([new, old[len(new) :]]) for new, old in zip(part, batch, strict=True)))


def augment_windows(
    windows: Windows, seed: int, step: int, share: float = 1.0, transforms: frozenset[str] = STANDARD
) -> Windows:
    """Transform the faces of each clip alike, and each sound by itself; determined by seed and step alone.

    Parameters
    ----------
    windows : as `datasets.sync_windows.gather_windows` gave it, whole faces
    share : of the clips that are transformed; the last ones stay as they are
    transforms : which, see `names.parse_transforms`

    Returns
    -------
    the lower halves alone, and their sounds
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    clips, each, *shape, size, _ = windows.faces.shape
    half = size // 2
    changed = math.ceil(clips * share)
    plain = windows.faces[changed:, ..., half:, :]
    if not changed:
        return windows._replace(faces=plain)
    grid = draw_grid(changed, size, transforms, generator)[:, half:].to(windows.faces.device)
    looks = Looks(changed, transforms, generator, windows.faces.device)
    faces = sample(windows.faces[:changed].flatten(1, 3), grid)  # one clip's frames are the channels of one image
    count = each * shape[0]
    faces = looks.apply(faces.reshape(changed * count, 3, half, size), count).view(changed, each, *shape, half, size)
    mel = change_voice(windows.mel[: changed * each], transforms, generator)
    return windows._replace(faces=torch.cat([faces, plain]), mel=torch.cat([mel, windows.mel[changed * each :]]))


def augment_utterances(
    batch: Utterances, seed: int, step: int, share: float = 1.0, transforms: frozenset[str] = STANDARD
) -> Utterances:
    """Transform the faces of each clip alike; determined by seed and step alone. Colours do not matter to grey faces.

    Parameters
    ----------
    batch : as `datasets.word_clips.SpokenTable` gathered it, whole faces
    share : of the clips that are transformed; the last ones stay as they are
    transforms : which, see `names.parse_transforms`

    Returns
    -------
    the mouths alone
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    size, changed = batch.faces.shape[-1], math.ceil(len(batch.faces) * share)
    rows, columns = mouth_of(size)
    plain = batch.faces[changed:, :, rows, columns]
    if not changed:
        return batch._replace(faces=plain)
    grid = draw_grid(changed, size, transforms, generator)[:, rows, columns].to(batch.faces.device)
    mouths = sample(batch.faces[:changed], grid)  # one clip's frames are the channels of one image
    return batch._replace(faces=torch.cat([change_light(mouths, transforms, generator), plain]))
