"""What lies over a face stays over the mouth that is drawn."""

import itertools
import json

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import Aligner, to_grey, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.depth import STRAIGHT, Pose
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.faces.occlusion import MaskDecay, OcclusionClassifier, OcclusionMask, look_at, shrink
from lipsync_cli.formats.weights import find_weights, load_weights
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.synthesis.compositing.compositor import Compositor, Shown, reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.references.reference_selection import Candidates, choose_reference_frames, find_rest_frame

RULE = CropRule()
FACE = np.array([73.0, 57.0, 181.0, 165.0], np.float32)  # of the astronaut
ROW0, ROW1, COL0, COL1 = RULE.mouth_region(48)
SKIN = (196, 148, 120)


def logits(*parts: tuple[slice, slice]) -> np.ndarray:
    """Log odds (32, 48) of which some parts, in rows and columns of the crop at half its size, are covered."""
    whole = np.full((48, 48), -4.0, np.float32)
    for part in parts:
        whole[part] = 4.0
    return whole[16:]


def with_hand(frame: np.ndarray, fingers: int = 3, top: int = 132) -> np.ndarray:
    """A frame with some fingers, in the colour of the face, from below over one side of the mouth."""
    hand = frame.copy()
    for number in range(fingers):
        x = 92 + 17 * number
        for colour, width in (((150, 100, 78), 17), (SKIN, 12)):
            cv2.line(hand, (x - 8, 215), (x, top + 5 * number), colour, width, cv2.LINE_AA)
    return cv2.GaussianBlur(hand, (0, 0), 0.8)


@pytest.fixture(scope="module")
def runner() -> LocalRunner:
    return LocalRunner(load_weights(None)[0], occlusion=load_weights(None, kind="occlusion network")[0])


GREY = np.full((32, 48, 3), 120, np.uint8)  # a bare face


def covered_by(*parts: tuple[slice, slice], light: int = 190) -> OcclusionMask | None:
    """What follows where a network finds parts, and these have another light than the bare face."""
    shown = np.full((48, 48, 3), 120, np.uint8)
    for part in parts:
        shown[part] = light
    return OcclusionClassifier(RULE).covered(logits(*parts), shown[16:], GREY[None], 40.0)


def test_a_hand_from_below_covers_and_a_mouth_of_its_own_kind_does_not():
    chin = slice(ROW1 - 3, 47), slice(COL0 + 4, COL1 - 4)
    covered = covered_by(chin)
    assert covered is not None
    assert covered.opacity.shape == (24, 48)
    assert 0.05 < covered.share < 0.9
    assert covered.opacity[ROW1 - 24 : 22, COL0 + 4 : COL1 - 4].min() == 1  # all of it
    assert covered.opacity[:, : COL0 - 2].max() == 0
    assert covered_by((slice(ROW0 + 1, ROW1 - 1), slice(COL0 + 2, COL1 - 2))) is None
    assert covered_by() is None


def test_of_a_mouth_that_is_mostly_hidden_nothing_is_drawn():
    half, most = (covered_by((slice(ROW0, 47), slice(4, right))) for right in ((COL0 + COL1) // 2, COL1 - 3))
    assert half is not None
    assert half.opacity.min() == 0
    assert half.share < 0.7
    assert most is not None
    assert most.opacity.min() == most.share == 1


def test_what_the_bare_face_explains_is_no_hand_whatever_the_network_says():
    chin = slice(ROW1 - 3, 47), slice(COL0 + 4, COL1 - 4)
    assert covered_by(chin, light=124) is None
    moved = np.full((48, 48, 3), 120, np.uint8)
    moved[ROW1 + 2 :] = 190  # a collar
    bare = np.roll(moved, 2, 0)
    assert OcclusionClassifier(RULE).covered(logits(chin), moved[16:], bare[None, 16:], 40.0) is None
    assert OcclusionClassifier(RULE).covered(logits(chin), moved[16:], GREY[None], 40.0) is not None


def test_what_is_small_or_beside_the_drawn_part_does_not_count():
    assert covered_by((slice(42, 45), slice(22, 26))) is None
    assert covered_by((slice(24, 48), slice(0, 4))) is None  # hair
    assert covered_by((slice(16, 22), slice(0, 48))) is None  # the upper half


def test_what_is_gone_fades_and_a_dropout_makes_no_flicker():
    release, hand = MaskDecay(), OcclusionMask(np.ones((24, 48), np.float32), 0.5)
    times = np.arange(20) / 25
    over = [release.follow(0, t, hand if n in (3, 4, 6) else None) for n, t in enumerate(times)]
    assert all(each is None for each in over[:3])
    assert over[3].share == 0.5
    assert over[4].opacity.min() == 1
    assert 0.6 < over[5].opacity.min() < 1 == over[6].opacity.min()
    fading = [each.opacity.max() for each in over[7:12] if each is not None]
    assert len(fading) == 5
    assert all(late < early for early, late in itertools.pairwise(fading))
    assert over[5].share == 0
    assert over[-1] is None
    assert release.follow(1, 0.4, None) is None  # another speaker


def test_a_face_is_shown_in_the_pose_of_the_resting_one(astronaut):
    pose = np.array([[1.02, -0.03, 3.0], [0.03, 1.02, -2.0]])
    expected = shrink(warp_crop(crop_face(astronaut, FACE, RULE), pose))
    shown = look_at(astronaut, FACE, Pose(pose, np.zeros(2)), RULE)
    assert shown.shape == (32, 48, 3)
    apart = np.abs(shown.astype(int) - expected)[2:-2, 2:-2]
    assert apart.mean() < 2.5 < np.abs(look_at(astronaut, FACE, STRAIGHT, RULE).astype(int) - expected).mean()


def test_covered_pixels_stay_to_the_bit_and_others_are_drawn(astronaut):
    compositor = Compositor(RULE, lower_face_mask(RULE))
    reference = reference_face(astronaut, FACE, RULE)
    dark = GeneratorOutput(
        None, np.zeros((96, 96, 2), np.float32), np.zeros((96, 96), np.float32), np.zeros((96, 96, 3))
    )
    dark = dark._replace(patch=np.zeros((96, 96, 3), np.float32))
    opacity = np.zeros((24, 48), np.float32)
    opacity[:, :24] = 1
    matrix = RULE.matrix(FACE)
    bare = compositor.compose(astronaut, matrix, dark, reference)
    drawn = compositor.compose(astronaut, matrix, dark, reference, Shown(covered=OcclusionMask(opacity, 0.5)))
    x0, _, side = RULE.square(FACE)
    left, right = int(x0 + side * 0.46), int(x0 + side * 0.54)
    np.testing.assert_array_equal(drawn[:, :left], astronaut[:, :left])
    np.testing.assert_array_equal(drawn[:, right:], bare[:, right:])
    assert (bare[:, :left] != astronaut[:, :left]).any()
    assert (bare[:, right:] != astronaut[:, right:]).any()


def test_the_network_finds_a_hand_on_a_stranger_and_nothing_on_the_bare_face(astronaut, runner):
    contrast = Aligner(RULE).contrast(to_grey(crop_face(astronaut, FACE, RULE)))

    def look(frame):
        moved = np.roll(frame, 2, 1)  # two pixels aside, as a pose is never quite found
        bare = shrink(crop_face(astronaut, FACE, RULE))[None]
        found = runner.predict_occlusion(look_at(moved, FACE, STRAIGHT, RULE)[None], bare, bare).result()
        return found[0], OcclusionClassifier(RULE).covered(
            found[0], look_at(moved, FACE, STRAIGHT, RULE), bare, contrast
        )

    assert look(astronaut)[1] is None
    assert look(np.clip(astronaut * 0.9 + 8, 0, 255).astype(np.uint8))[1] is None  # a little darker
    found, covered = look(with_hand(astronaut))
    changed = np.abs(with_hand(astronaut).astype(int) - astronaut).max(2).astype(np.uint8)
    there = crop_face(np.dstack([np.roll(changed, 2, 1)] * 3), FACE, RULE, 48)[16:, :, 0] > 12
    assert covered is not None
    assert covered.share > 0.3
    both = ((found > 0) & there).sum()
    assert both / there.sum() > 0.7
    assert both / (found > 0).sum() > 0.5


def test_a_covered_face_does_not_lend_its_pixels(astronaut, stills, runner):
    """The frame that would be taken, were it not for the hand before it."""
    frames = [np.roll(astronaut, number % 3, 1) for number in range(12)]
    boxes = np.tile(FACE, (12, 1))
    first = choose_reference_frames(stills(frames), boxes, RULE, runner).rest
    frames[first] = with_hand(frames[first])
    assert choose_reference_frames(stills(frames), boxes, RULE, runner).rest != first


def test_where_all_are_covered_there_is_no_rest_frame(astronaut, runner):
    bare = np.stack([crop_face(np.roll(astronaut, number % 3, 1), FACE, RULE) for number in range(8)])
    covered = np.stack([crop_face(with_hand(np.roll(astronaut, number, 1), 2, 142), FACE, RULE) for number in range(2)])
    found = Candidates(np.arange(10), np.concatenate([bare, covered]), np.arange(10, 0, -1.0))
    assert find_rest_frame(found, np.arange(8, 10), runner, RULE) is None
    assert find_rest_frame(found, np.arange(10), runner, RULE) == 7


def test_a_hand_stays_before_the_mouth(astronaut, lipsync, tmp_path, voice_file):
    """Half of the time two fingers are there; `--occlusion paint` draws over them."""
    clip = tmp_path / "hand.mp4"
    with VideoWriter(clip, 256, 256, 25, crf=8) as writer:
        for number in range(30):
            frame = with_hand(astronaut, 2, 150) if 9 <= number < 24 else astronaut
            writer.write(np.roll(frame, number % 4, 1))
    changes = {}
    for mode in ("keep", "paint"):
        film = tmp_path / f"{mode}.mp4"
        done = lipsync(
            *("infer", clip, voice_file(1.2), "-o", film, "--json", "--no-cache", "--crf", 8, "--occlusion", mode),
            *(
                "--weights",
                "grid",
                "--articulation",
                1.7,
            ),  # which open the mouth for a buzz; the usual ones ask for speech
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)["num_covered"]
        assert ("something lies over the face" in done.stderr) == (mode == "keep")
        assert 13 <= told <= 17 if mode == "keep" else told == 0, told
        source, made = list(read_frames(clip)), list(read_frames(film))
        fingers = slice(150, 165), slice(88, 128)  # on the chin, all skin
        changes[mode] = np.mean([np.abs(made[n][fingers].astype(int) - source[n][fingers]) for n in range(11, 22)])
    assert changes["keep"] < 4 < 9 < changes["paint"]


def test_weights_whose_crops_the_network_does_not_know_paint_and_say_so(astronaut, lipsync, tmp_path, voice_file):
    from lipsync_cli import models
    from lipsync_cli.formats.weights import WeightsHeader, save_weights
    from lipsync_cli.speech.mel import MelParameters

    other, clip = CropRule(scale=1.3), tmp_path / "face.mp4"
    dims = {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 8}
    header = WeightsHeader("compact", dims, other, MelParameters(), "none", 0)
    save_weights(tmp_path / "w.safetensors", models.build("compact", dims).state_dict(), header)
    with VideoWriter(clip, 256, 256, 25) as writer:
        for number in range(10):
            writer.write(np.roll(astronaut, number % 4, 1))
    line = (
        "infer",
        clip,
        voice_file(0.4),
        "-o",
        tmp_path / "film.mp4",
        "--weights",
        tmp_path / "w.safetensors",
    )
    done = lipsync(*line)
    assert done.returncode == 0
    assert "does not know crops of these weights; hands are painted over" in done.stderr
    assert "hands are" not in lipsync(*line, "--force", "--occlusion", "paint").stderr
    refused = lipsync(*line, "--force", "--occlusion", find_weights(None, "occlusion network"))
    assert refused.returncode == 3
    assert "was trained on other crops" in refused.stderr
    assert refused.stderr.count("\n") == 1
