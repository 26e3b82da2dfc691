"""The source's own pixels at full size: moved exactly, mixed in under the mask, and untouched outside it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.alignment import compose_affine
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mesh.lips import ClosedLips
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.compositing.mouth_opening import MouthInside
from lipsync_cli.synthesis.compositing.mouth_textures import MouthTextures
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

RULE = CropRule(scale=1.0, shift_y=0.0)
SIZE = RULE.size
BOX = np.array([40.0, 30.0, 232.0, 222.0], np.float32)  # two pixels for each of the crop's


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (260, 300, 3), np.uint8)


@pytest.fixture
def mask() -> np.ndarray:
    """All of the lower half, but for a margin."""
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[SIZE // 2 + 4 : SIZE - 8, 12 : SIZE - 12] = 1
    return mask


def generated(flow=(0.0, 0.0), share=1.0, patch=0.5) -> GeneratorOutput:
    flows = np.zeros((SIZE, SIZE, 2), np.float32)
    flows[SIZE // 2 :] = flow
    shape = (SIZE, SIZE, 3)
    return GeneratorOutput(
        np.full(shape, patch, np.float32),
        flows,
        np.full((SIZE, SIZE), share, np.float32),
        np.full(shape, patch, np.float32),
    )


def covered(shape: tuple[int, int, int], mask: np.ndarray, box: np.ndarray = BOX) -> np.ndarray:
    """Pixels of the frame that lie under the mask or touch it."""
    factor = int(box[2] - box[0]) // SIZE
    under = np.zeros(shape[:2], bool)
    rows, columns = np.nonzero(mask)
    x0, y0 = int(box[0]), int(box[1])
    under[
        max(0, y0 + rows.min() * factor - factor) : y0 + (rows.max() + 1) * factor + factor,
        max(0, x0 + columns.min() * factor - factor) : x0 + (columns.max() + 1) * factor + factor,
    ] = True
    return under


def test_no_flow_on_the_own_frame_changes_no_bit(frame, mask):
    same = Compositor(RULE, mask).compose(frame, RULE.matrix(BOX), generated(), reference_face(frame, BOX, RULE))
    np.testing.assert_array_equal(same, frame)


def test_pixels_outside_the_mask_keep_every_bit_and_the_frame_is_not_written_to(frame, mask):
    before = frame.copy()
    drawn = Compositor(RULE, mask).compose(
        frame, RULE.matrix(BOX), generated(share=0.3), reference_face(frame, BOX, RULE)
    )
    np.testing.assert_array_equal(frame, before)
    under = covered(frame.shape, mask)
    np.testing.assert_array_equal(drawn[~under], frame[~under])
    assert (drawn[under] != frame[under]).mean() > 0.5


def test_flow_moves_the_sources_own_pixels_at_full_size(frame, mask):
    moved = 5, -3  # pixels of the frame
    flow = moved[0] / 192, moved[1] / 192
    drawn = Compositor(RULE, mask).compose(frame, RULE.matrix(BOX), generated(flow), reference_face(frame, BOX, RULE))
    np.testing.assert_array_equal(drawn[140:200, 70:200], frame[140 - 3 : 200 - 3, 70 + 5 : 200 + 5])


def test_reference_from_elsewhere_comes_along_without_loss(frame, mask):
    other = np.roll(frame, (11, 17), (0, 1))
    reference = reference_face(other, BOX + np.float32([17, 11, 17, 11]), RULE)
    drawn = Compositor(RULE, mask).compose(np.zeros_like(frame), RULE.matrix(BOX), generated(), reference)
    np.testing.assert_array_equal(drawn[140:200, 70:200], frame[140:200, 70:200])


def _grey_skin(reference):
    return reference._replace(skin=np.zeros(2, np.float32))


def _with_lips(reference, inside, middle=(48, 72), width=30.0):
    """A reference whose lips meet in a straight line in the middle of its lower half, and what is behind them."""
    x = np.linspace(-1.6, 1.6, 65)
    thick = np.where(np.abs(x) < 0.5, 0.2, 0.0)
    lips = ClosedLips(np.array(middle, float), np.array([1.0, 0.0]), width, x, np.zeros(65), thick, thick)
    return reference._replace(
        inside=MouthInside(lips, []).showing(inside[: reference.pixels.shape[0]], reference.pixels)
    )


def _dropping(by):
    """An output whose lower lip has moved down by so many pixels of the crop, and is stretched over the opening."""
    drawn = generated()
    flow = np.zeros_like(drawn.flow)
    flow[:, :, 1] = -np.clip(np.arange(SIZE) - 72, 0, by)[:, None] / SIZE
    return drawn._replace(flow=flow)


def test_between_parted_lips_is_what_is_behind_them(frame, mask):
    reference = reference_face(np.full_like(frame, 90), BOX, RULE)
    inside = np.full((*reference.pixels.shape[:2], 3), 200, np.uint8)
    seen = Compositor(RULE, mask).compose(
        np.full_like(frame, 90), RULE.matrix(BOX), _dropping(6), _with_lips(reference, inside)
    )
    middle = seen[140:200, 135, 0]  # a column of the frame through the mouth
    assert middle.max() == 200
    assert 4 < (middle == 200).sum() < 2 * 6 + 2
    assert (seen[140:200, 75, 0] == 90).all()  # beside the mouth there is skin


@pytest.mark.parametrize("in_planes", [False, True])
def test_between_parted_lips_are_the_textures_of_that_opening_where_there_are_some(frame, mask, in_planes):
    import cv2

    grey = np.full_like(frame, 90)
    if in_planes:
        grey = YuvFrame(cv2.cvtColor(grey, cv2.COLOR_RGB2YUV_I420), "smpte170m")
    reference = reference_face(grey, BOX, RULE)
    reference = _with_lips(reference, np.full((*reference.pixels.shape[:2], 3), 200, np.uint8))
    pictures = np.zeros((2, 12, 48, 3), np.float32)
    pictures[0, 6:], pictures[1] = 240, 160
    textures = MouthTextures(np.array([0.1, 0.9]), pictures, np.zeros(3))
    reference = reference._replace(inside=reference.inside._replace(textures=textures))
    little, wide = (
        np.asarray(Compositor(RULE, mask).compose(grey, RULE.matrix(BOX), _dropping(by), reference))[140:200, 135, 0]
        for by in (3, 12)
    )
    assert little.max() > 190
    assert little.min() < 50
    assert little.argmin() < little.argmax()  # dark above, bright below
    assert 70 < wide.max() < 215


def test_lips_that_do_not_part_stay_as_they_are(frame, mask):
    reference = reference_face(frame, BOX, RULE)
    inside = np.full((*reference.pixels.shape[:2], 3), 200, np.uint8)
    compositor, still = Compositor(RULE, mask), generated()
    plain = compositor.compose(frame, RULE.matrix(BOX), still, reference)
    seen = compositor.compose(frame, RULE.matrix(BOX), still, _with_lips(reference, inside))
    np.testing.assert_array_equal(seen, plain)


def test_lips_out_of_the_frame_change_nothing(frame, mask):
    reference, box = reference_face(frame, BOX, RULE), BOX + np.float32([-150, 0, -150, 0])
    inside = np.full((*reference.pixels.shape[:2], 3), 200, np.uint8)
    compositor = Compositor(RULE, mask)
    plain = compositor.compose(frame, RULE.matrix(box), _dropping(6), reference)
    seen = compositor.compose(frame, RULE.matrix(box), _dropping(6), _with_lips(reference, inside, (80, 72)))
    np.testing.assert_array_equal(seen[:, 160:], plain[:, 160:])


def test_patch_shows_where_the_mask_of_the_generator_says_so(frame, mask):
    drawn = Compositor(RULE, mask).compose(
        frame, RULE.matrix(BOX), generated(share=0.0, patch=0.25), _grey_skin(reference_face(frame, BOX, RULE))
    )
    assert (drawn[140:200, 70:200] == 64).all()


def test_finished_crop_without_flow_is_enlarged_in_place(mask):
    frame = np.full((260, 300, 3), 128, np.uint8)
    rows, columns = np.mgrid[:SIZE, :SIZE] // 4 % 2
    image = np.repeat((0.2 + 0.6 * (rows ^ columns))[:, :, None], 3, 2).astype(np.float32)
    drawn = Compositor(RULE, mask).compose(
        frame, RULE.matrix(BOX), GeneratorOutput(image), reference_face(frame, BOX, RULE)
    )
    expected = cv2.resize(image, (192, 192), interpolation=cv2.INTER_CUBIC)[110:170, 30:160]
    found = drawn[140:200, 70:200]
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


def test_finished_crop_of_another_colour_takes_the_frames_colour(mask):
    soft = cv2.GaussianBlur(mask, (0, 0), 4)
    soft[: SIZE // 2] = 0
    frame = np.full((260, 300, 3), (180, 120, 100), np.uint8)
    image = np.full((SIZE, SIZE, 3), 0.4, np.float32)
    image[70:74, 40:56] = 0.1  # a mouth
    drawn = Compositor(RULE, soft).compose(
        frame, RULE.matrix(BOX), GeneratorOutput(image), reference_face(frame, BOX, RULE)
    )
    assert np.abs(drawn[160, 80:200].astype(int) - frame[160, 80:200]).max() <= 6
    assert (drawn[174, 136].astype(int) < frame[174, 136].astype(int) - 50).all()


@pytest.mark.parametrize("shift", [(-120, 0), (150, 100), (0, 140), (-90, -120)])
def test_face_at_the_border_of_the_frame(frame, mask, shift):
    box = BOX + np.float32([*shift, *shift])
    drawn = Compositor(RULE, mask).compose(
        frame, RULE.matrix(box), generated(share=0.5), reference_face(frame, box, RULE)
    )
    assert drawn.shape == frame.shape
    under = covered(frame.shape, mask, box)
    np.testing.assert_array_equal(drawn[~under], frame[~under])


def test_mask_outside_the_frame_leaves_it_alone(frame, mask):
    box = BOX + np.float32([0, 180, 0, 180])
    drawn = Compositor(RULE, mask).compose(frame, RULE.matrix(box), generated(), reference_face(frame, BOX, RULE))
    assert drawn is frame


def test_turned_face_is_moved_as_a_whole(frame, mask):
    """The frame is the reference's, turned by a right angle: pixels fall on pixels."""
    turned = np.rot90(frame).copy()  # pixel (x, y) of the frame is pixel (y, W - 1 - x) of the turned one
    to_frame = np.array([[0.0, -1.0, frame.shape[1] - 1], [1.0, 0.0, 0.0]])
    matrix = compose_affine(RULE.matrix(BOX), to_frame)
    drawn = Compositor(RULE, mask).compose(turned, matrix, generated(), reference_face(frame, BOX, RULE))
    np.testing.assert_array_equal(drawn, turned)
    black = Compositor(RULE, mask).compose(
        turned, matrix, generated(share=0, patch=0), reference_face(frame, BOX, RULE)
    )
    back = np.rot90(black, -1)
    under = covered(frame.shape, mask)
    np.testing.assert_array_equal(back[~under], frame[~under])
    assert (back[140:200, 70:200] == 0).all()


def _planes(height: int, width: int) -> YuvFrame:
    """A smooth picture in 4:2:0 whose colours RGB holds."""
    y, x = np.mgrid[:height, :width]
    luma = 125 + 40 * np.sin(x / 6) * np.cos(y / 9)
    blue, red = (128 + 20 * np.sin(x[: height // 2, : width // 2] / 7 + turn) for turn in (0, 2))
    planes = np.concatenate([luma.ravel(), blue.ravel(), red.ravel()]).reshape(-1, width)
    return YuvFrame(np.rint(planes).astype(np.uint8), "bt709")


@pytest.mark.parametrize("enlarged", [1, 2.5, 5])
@pytest.mark.parametrize("kind", ["flow", "image", "inside"])
def test_in_planes_it_looks_as_in_rgb_and_nothing_else_changes_a_bit(mask, enlarged, kind):
    soft = cv2.GaussianBlur(mask, (0, 0), 4) * (mask > 0)
    frame = _planes(520, 560)
    before, whole = frame.planes.copy(), np.asarray(frame)
    box = np.float32([30.3, 20.6, 30.3 + 96 * enlarged, 20.6 + 96 * enlarged])
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    wave = np.dstack([np.sin(columns / 5), np.cos(rows / 7)])
    image = 0.5 + 0.2 * np.dstack([wave, wave[:, :, :1]])
    moved = GeneratorOutput(None, wave / 60, 0.5 + 0.4 * wave[:, :, 0], image)
    drawing = {"flow": moved, "image": GeneratorOutput(image), "inside": _dropping(6)}[kind]
    matrix = compose_affine(np.array([[0.99, -0.05, 3.0], [0.05, 0.99, -1.0]]), RULE.matrix(box))

    def face(of):
        plain = reference_face(of, box, RULE)
        behind = np.full((*plain.pixels.shape[:2], 3), (150, 120, 100), np.uint8)
        return _with_lips(plain, behind) if kind == "inside" else plain

    drawn = Compositor(RULE, soft).compose(frame, matrix, drawing, face(frame))
    wanted = Compositor(RULE, soft).compose(whole, matrix, drawing, face(whole))
    np.testing.assert_array_equal(frame.planes, before)
    changed = (wanted != whole).any(2)
    assert changed.sum() > 0.2 * (96 * enlarged) ** 2
    grey = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs((np.asarray(drawn).astype(float) - wanted) @ grey).max() < 4
    assert np.abs(np.asarray(drawn).astype(float) - wanted)[changed].mean() < 3  # colours have half the resolution
    near = cv2.dilate(changed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    np.testing.assert_array_equal(np.asarray(drawn)[~near], whole[~near])
