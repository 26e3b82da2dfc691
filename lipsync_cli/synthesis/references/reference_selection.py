"""Which frames are the reference: in a usual pose, one with its mouth at rest and one with it open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.alignment import Aligner, compose_affine, to_grey, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.depth import depth_map, turn_crop
from lipsync_cli.faces.occlusion import OcclusionClassifier, shrink
from lipsync_cli.synthesis.compositing.compositor import ReferenceFace, reference_face

if TYPE_CHECKING:
    from lipsync_cli.faces.depth import Pose
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource

NUM_CANDIDATES = 20
FITTING = 0.3  # of the contrast of the upper face: what fits so well is in a usual pose
FITTED = 0.8  # share of the other frames that a face has to fit, if it is to be the reference of all
MISFIT = 0.5  # of the contrast of the upper face; steady heads have 0.2 to 0.3, turning ones 0.8 and more
NUM_WITNESSES, ENOUGH = 5, 2  # other frames that tell whether something lies over a candidate, and how many must
NUM_MOUTHS = 6  # open ones whose insides are looked at
NUM_POSES = 8  # other frames that a candidate is compared with
SIZE_TOLERANCE = 0.15  # how far a candidate's box may be from the median size
SHARPNESS = 0.5  # of the median sharpness: what is below is blurred
OPEN = 0.8  # of the most open mouth's distance from rest: those from there on are open, the most usual of them is taken
OPEN_MISFIT = 0.4  # of the contrast of the upper face: an open mouth from a face that lies worse would be out of place
APART = 0.2  # of the contrast of the upper face: an open mouth differs by more from the rest frame (talkers: 0.27 up)
OPENER = 1.4  # of the rest frame's openness, which an open mouth beside one of several rest frames has at least
CLOSED_MISFIT = 0.25  # of that contrast: what closes to another mouth was seen from elsewhere (good 0.25, bad 0.285 up)
COVERED = 0.5  # of that contrast: where cheeks and chin differ by more, a hand is there, or the head is turned


class ReferenceFrames(NamedTuple):
    """Numbers of the frames whose pixels are used as reference.

    Attributes
    ----------
    rest : whose mouth is at rest
    opened : whose mouth is open, None where none is
    mouths : whose mouths are open by more and more, as far as the generator can tell
    """

    rest: int
    opened: int | None = None
    mouths: tuple[int, ...] = ()


class Candidates(NamedTuple):
    """Candidates for reference frames.

    Attributes
    ----------
    numbers : shape (n,)
    crops : shape (n, S, S, 3) uint8 RGB
    openness : shape (n,), how far each mouth is from rest, as the generator sees it
    """

    numbers: np.ndarray
    crops: np.ndarray
    openness: np.ndarray


def choose_reference_frames(
    video: ScannedSource,
    boxes: np.ndarray,
    rule: CropRule,
    runner: GeneratorRunner,
    num_candidates: int = NUM_CANDIDATES,
) -> ReferenceFrames:
    """Choose the frame whose mouth is most at rest, and one whose mouth is open.

    The candidates are sharp, of the usual size, and their upper faces fit onto those of the others: well, or better
    than half of them do. Each is given to the generator as reference and target at once, with silence as its speech:
    the frame in which the generator changes the mouth least is the one at rest. Where the generator fails to close a
    mouth it changes little, too; so a mouth also counts as at rest for having little detail, neither teeth nor a gap.
    Open is what is least at rest by both, and differs most from the resting mouth when brought into its pose; of the
    open ones that is taken which is most like the others, since the most open one may be no mouth.

    Parameters
    ----------
    video : scanned; the candidates are among the frames that it has at hand
    boxes : shape (N, 4), NaN where there is no face; at least one frame at hand has a face
    """
    found = gather(video, boxes, runner, rule, num_candidates, usual_pose=True)
    return select_reference_frames(found, runner, rule)


def select_reference_frames(found: Candidates, runner: GeneratorRunner, rule: CropRule) -> ReferenceFrames:
    """Choose among candidates the mouth most at rest over which nothing lies, and an open one."""
    rest = find_rest_frame(found, np.arange(len(found.numbers)), runner, rule)
    if rest is None:
        rest = int(found.openness.argmin())
    posed = np.stack([_bring(crop, found.crops[rest], rule) for crop in found.crops])
    usable = _are_bare(posed, rest, runner, rule) & _lie_alike(posed, rest, rule)
    opened = most_open(posed, rest, found.openness, rule, usable)
    number = None if opened is None else int(found.numbers[opened])
    return ReferenceFrames(int(found.numbers[rest]), number, _find_mouths(found, usable, rest))


def complete(
    found: Candidates, rest: int, alike: np.ndarray, runner: GeneratorRunner, rule: CropRule
) -> ReferenceFrames:
    """Return one of several rest frames of a head that turns, with an open mouth beside it, if one fits.

    An open mouth that was seen from elsewhere would lie above the lips. So only such a one is taken as the generator,
    given silence, closes onto the mouth of the rest frame.

    Parameters
    ----------
    found : all candidates
    rest : place among them of the rest frame
    alike : shape (k,), places of those that hold the head alike
    """
    posed = np.stack([_turn(crop, found.crops[rest], rule)[0] for crop in found.crops])
    usable = _lie_alike(posed, rest, rule) & (found.openness >= OPENER * found.openness[rest])
    bare = _are_bare(posed, rest, runner, rule)
    usable &= _close_alike(posed, rest, runner, rule) & bare
    opened = most_open(posed, rest, found.openness, rule, usable)
    number = None if opened is None else int(found.numbers[opened])
    return ReferenceFrames(
        int(found.numbers[rest]), number, _find_mouths(found, bare & np.isin(np.arange(len(posed)), alike), rest)
    )


def _find_mouths(found: Candidates, usable: np.ndarray, rest: int) -> tuple[int, ...]:
    """Return the numbers of usable candidates, shape (n,) bool, that are open: from a little to the most."""
    places = np.flatnonzero(usable & (found.openness > found.openness[rest]))
    if not len(places):
        return ()
    steps = np.linspace(found.openness[rest], found.openness[places].max(), NUM_MOUTHS + 2)[2:, None]
    nearest = np.abs(found.openness[places] - steps).argmin(1)
    return tuple(int(number) for number in np.unique(found.numbers[places[nearest]]))


def _close_alike(posed: np.ndarray, rest: int, runner: GeneratorRunner, rule: CropRule) -> np.ndarray:
    """Tell which of some faces (n, S, S, 3) have the mouth of one of them when the generator closes them: (n,) bool."""
    row0, row1, col0, col1 = rule.mouth_region()
    closed = runner.generate(posed, posed, runner.silence(len(posed)), articulation=1.0).image
    assert closed is not None
    unlike = np.abs(closed - closed[rest])[:, row0:row1, col0:col1].mean((1, 2, 3)) * 255
    return unlike <= CLOSED_MISFIT * Aligner(rule).contrast(to_grey(posed[rest]))


def find_rest_frame(found: Candidates, among: np.ndarray, runner: GeneratorRunner, rule: CropRule) -> int | None:
    """Return which of some candidates has the mouth most at rest, with nothing over it; None where all are covered.

    Parameters
    ----------
    found : all candidates, beside which something over a face is found
    among : shape (n,), places of those that are chosen from
    """
    by_openness = among[found.openness[among].argsort()]
    return next((int(n) for n in by_openness if not _is_covered(found.crops, n, runner, rule)), None)


def _are_bare(posed: np.ndarray, rest: int, runner: GeneratorRunner, rule: CropRule) -> np.ndarray:
    """Tell over which of some faces (n, S, S, 3) nothing lies, beside one over which nothing does: shape (n,) bool."""
    if not runner.sees_occlusion:
        return np.ones(len(posed), bool)
    shown = np.stack([shrink(crop) for crop in posed])
    bare = shown[rest][None]
    verdict, contrast = OcclusionClassifier(rule), Aligner(rule).contrast(to_grey(posed[rest]))
    looks = zip(runner.predict_occlusion(shown, bare, bare).result(), shown, strict=True)
    return np.array([verdict.covered(logits, each, bare, contrast) is None for logits, each in looks])


def _lie_alike(posed: np.ndarray, rest: int, rule: CropRule) -> np.ndarray:
    """Tell which of some faces (n, S, S, 3) lie on one of them so well that its mouth fits in theirs: (n,) bool."""
    aligner, greys = Aligner(rule), [to_grey(crop) for crop in posed]
    most = OPEN_MISFIT * aligner.contrast(greys[rest])
    return np.array([aligner.difference(grey, greys[rest]) <= most for grey in greys])


def _is_covered(crops: np.ndarray, number: int, runner: GeneratorRunner, rule: CropRule) -> bool:
    """Tell whether something lies over one of some faces (n, S, S, 3): a few others say so.

    Between a face and a covered one there is as much of a difference as between a covered one and a face. But what is
    looked for is a hand and not a mouth, and the network is surer of it where it is in the face that it judges.
    """
    others = spread(np.flatnonzero(np.arange(len(crops)) != number), NUM_WITNESSES)
    if not runner.sees_occlusion or not len(others):
        return False
    verdict, contrast = OcclusionClassifier(rule), Aligner(rule).contrast(to_grey(crops[number]))
    posed = np.stack([shrink(_bring(crops[number], crops[other], rule)) for other in others])
    witnesses = np.stack([shrink(crops[other]) for other in others])
    looks = [runner.predict_occlusion(*each) for each in ((posed, witnesses, witnesses), (witnesses, posed, posed))]
    against = 0
    for logits, back, shown, other in zip(*(look.result() for look in looks), posed, witnesses, strict=True):
        is_surer = logits[logits > 0].sum() > back[back > 0].sum()
        against += is_surer and verdict.covered(logits, shown, other[None], contrast) is not None
    return against >= min(ENOUGH, len(others))


def gather(
    video: ScannedSource,
    boxes: np.ndarray,
    runner: GeneratorRunner,
    rule: CropRule,
    num_candidates: int,
    usual_pose: bool = False,
) -> Candidates:
    """Return candidates for reference frames: sharp, of the usual size, and in a usual pose if that is wanted."""
    numbers = np.array([n for n in video.at_hand() if not np.isnan(boxes[n, 0])])
    numbers = spread(_of_usual_size(numbers, boxes), num_candidates)
    crops = np.stack([crop_face(video.frame(n), boxes[n], rule) for n in numbers])
    kept = _sharp(crops)
    numbers, crops = numbers[kept], crops[kept]
    if usual_pose:
        kept = _of_usual_pose(crops, rule)
        numbers, crops = numbers[kept], crops[kept]
    row0, row1, col0, col1 = rule.mouth_region()
    closed = runner.generate(crops, crops, runner.silence(len(crops)), articulation=1.0).image
    assert closed is not None
    change = np.abs(closed - crops / np.float32(255))[:, row0:row1, col0:col1].mean((1, 2, 3))
    detail = _detail(crops[:, row0:row1, col0:col1])
    return Candidates(numbers, crops, change / (np.median(change) + 1e-6) + detail / np.median(detail))


def bring_open(
    video: ScannedSource,
    boxes: np.ndarray,
    rule: CropRule,
    references: ReferenceFrames,
    rest: ReferenceFace,
) -> ReferenceFace | None:
    """Return the face whose mouth is open, in the pose of the rest frame; None where there is none."""
    if references.opened is None:
        return None
    face = reference_face(video.frame(references.opened), boxes[references.opened], rule)
    pose = Aligner(rule).align(to_grey(face.crop), to_grey(rest.crop))
    return face._replace(matrix=compose_affine(pose, face.matrix), crop=warp_crop(face.crop, pose))


def _turn(crop: np.ndarray, onto: np.ndarray, rule: CropRule) -> tuple[np.ndarray, Pose]:
    """Return a crop (S, S, 3) in the pose of another, turned like it, and how it lay."""
    pose, _ = Aligner(rule).turn(to_grey(crop), to_grey(onto))
    return turn_crop(crop, pose, depth_map(rule)), pose


def _bring(crop: np.ndarray, onto: np.ndarray, rule: CropRule) -> np.ndarray:
    """Return a crop (S, S, 3) in the pose of another."""
    return warp_crop(crop, Aligner(rule).align(to_grey(crop), to_grey(onto)))


def most_open(posed: np.ndarray, rest: int, openness: np.ndarray, rule: CropRule, bare: np.ndarray) -> int | None:
    """Return which of some crops (n, S, S, 3) shows the inside of a mouth, None where none does.

    Parameters
    ----------
    posed : all in the pose of the rest frame
    rest : which of them is at rest
    openness : shape (n,), how far each is from it, as the generator sees it
    bare : shape (n,) bool, over which nothing lies
    """
    row0, row1, col0, col1 = rule.mouth_region()
    reach = (row1 - row0) // 4
    around = slice(rule.size // 2, row1 + reach), slice(max(0, col0 - reach), col1 + reach)
    is_mouth = np.zeros((rule.size, rule.size), bool)
    is_mouth[row0:row1, col0:col1] = True
    contrast = Aligner(rule).contrast(to_grey(posed[rest]))
    difference = np.abs(posed - posed[rest].astype(np.float32)).mean(3)
    apart = difference[:, is_mouth].mean(1)
    elsewhere = difference[:, around[0], around[1]][:, ~is_mouth[around]].mean(1)
    rank = openness / openness.max() + apart / (apart.max() + 1e-6)
    seen = np.flatnonzero(bare & (elsewhere <= COVERED * contrast))
    if not len(seen):
        return None
    usual = seen[rank[seen] >= OPEN * rank[seen].max()]
    mouths = posed[usual].astype(np.float32)[:, row0:row1, col0:col1]
    unlike = np.abs(mouths[:, None] - mouths[None]).mean((2, 3, 4)).sum(1)
    opened = int(usual[unlike.argmin()])
    return opened if apart[opened] > APART * contrast else None


def fits_poses(video: ScannedSource, boxes: np.ndarray, rule: CropRule, number: int) -> bool:
    """Tell whether the face of one frame can be brought into the poses of most others.

    It cannot where the head turns: there a moved face no longer lies on the one below it.

    Parameters
    ----------
    number : of the frame, one that the video has at hand
    """
    numbers = np.array([n for n in video.at_hand() if not np.isnan(boxes[n, 0]) and n != number])
    if not len(numbers):
        return True
    aligner, face = Aligner(rule), to_grey(crop_face(video.frame(number), boxes[number], rule))
    others = [to_grey(crop_face(video.frame(n), boxes[n], rule)) for n in spread(numbers, 2 * NUM_POSES)]
    misfit = np.quantile([aligner.alignment_rmse(other, face) for other in others], FITTED)
    return bool(misfit <= MISFIT * aligner.contrast(face))


def spread(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of the numbers, evenly spread."""
    return numbers[np.unique(np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int))]


def _of_usual_size(numbers: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    side = boxes[numbers, 2] - boxes[numbers, 0]
    usual = np.abs(side / np.median(side) - 1) <= SIZE_TOLERANCE
    return numbers[usual] if usual.any() else numbers


def _sharp(crops: np.ndarray) -> np.ndarray:
    """Tell which crops (n, S, S, 3) are not blurred, shape (n,) bool."""
    import cv2

    sharpness = np.array([cv2.Laplacian(to_grey(crop), cv2.CV_32F).var() for crop in crops])
    return sharpness >= SHARPNESS * np.median(sharpness)


def _detail(mouths: np.ndarray) -> np.ndarray:
    """Return how much fine structure pictures (n, h, w, 3) have, shape (n,): mean magnitude of the Laplacian."""
    import cv2

    return np.array([np.abs(cv2.Laplacian(to_grey(mouth), cv2.CV_32F)).mean() for mouth in mouths]) + 1e-6


def _of_usual_pose(crops: np.ndarray, rule: CropRule) -> np.ndarray:
    """Tell which crops (n, S, S, 3) can be brought into the others' poses well, the better half at least; (n,) bool."""
    aligner, greys = Aligner(rule), [to_grey(crop) for crop in crops]
    others = spread(np.arange(len(greys)), NUM_POSES)
    typical = np.zeros(len(greys))
    for one, grey in enumerate(greys):
        misfits = [aligner.alignment_rmse(greys[other], grey) for other in others if other != one]
        typical[one] = np.median(misfits) if misfits else 0.0
    contrast = np.median([aligner.contrast(grey) for grey in greys])
    return typical <= max(float(np.median(typical)), FITTING * float(contrast))
