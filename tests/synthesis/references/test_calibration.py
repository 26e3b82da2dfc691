"""How far a generator opens one mouth, beside others; what it does to it in silence."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.synthesis.compositing.compositor import reference_face
from lipsync_cli.synthesis.compositing.flow_calibration import WIDTH_GAIN, FlowCalibration
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.generation.local_runner import ARTICULATION
from lipsync_cli.synthesis.references.calibration import MOST, USUAL, calibrate
from lipsync_cli.synthesis.references.mouth_reference import rest_face

BOX, RULE = np.array([86.0, 76.0, 175.0, 166.0], np.float32), CropRule()
SILENT = 0.01  # of the crop's side: so far the generator below moves everything down in silence


class Runner:
    """A generator that moves the lower face down in speech, and everything a little in silence."""

    def __init__(self, face, opened, window=(21, 384), articulation=ARTICULATION):
        self.window, self.articulation, size = window, articulation, RULE.size
        rows, columns = np.mgrid[size // 2 : size, :size]
        x, y = face.inside.lips.place(np.stack([columns, rows], -1).astype(np.float64))
        below = np.clip((y - face.inside.lips.at(face.inside.lips.line, x)) / 0.05, 0, 1)
        self.speech = -(below[..., None] * opened * face.inside.lips.down).astype(np.float32)

    def silence(self, count):
        return np.zeros((count, *self.window), np.float32)

    def submit(self, face, mel):
        future = Future()
        future.set_result(self.generate(face, face, mel, self.articulation))
        return future

    def generate(self, reference, target, mel, articulation):
        is_speech = np.abs(mel).reshape(len(mel), -1).max(1) > 0
        speech = self.speech * np.float32(articulation / ARTICULATION)
        return GeneratorOutput(None, np.stack([speech * spoken + np.float32(SILENT) for spoken in is_speech]))


@pytest.fixture(scope="module")
def face(astronaut):
    return rest_face(astronaut, BOX, RULE)


@pytest.mark.parametrize(("opened", "gain"), [(USUAL / 1.25, 1.25), (2 * USUAL, 1.0), (USUAL / 4, MOST)])
def test_a_mouth_that_opens_little_is_opened_as_far_as_others(face, opened, gain):
    calibration = calibrate(face, Runner(face, opened)).calibration
    assert calibration.gain == pytest.approx(gain, rel=0.12)


def test_a_chosen_articulation_is_not_made_up_for(face):
    usual, less = (calibrate(face, Runner(face, USUAL / 1.25, articulation=each)) for each in (ARTICULATION, 0.5))
    assert less.calibration.gain == usual.calibration.gain


def test_in_silence_a_rest_frame_is_not_moved(face):
    runner = Runner(face, USUAL)
    calibration = calibrate(face, runner).calibration
    still = runner.submit(face.crop[None], runner.silence(1)).result().one(0)
    assert np.abs(calibration.apply(still).flow).max() < 1e-6
    spoken = runner.submit(face.crop[None], 1 + runner.silence(1)).result().one(0)
    lips = face.inside.lips
    moved = calibration.apply(spoken).flow
    np.testing.assert_allclose(moved @ lips.down, runner.speech @ lips.down * calibration.gain, atol=1e-6)


def test_what_moves_along_the_mouth_moves_further(face):
    calibration = FlowCalibration(np.float32(0), np.array([0.6, 0.8]), 2.0)
    flow = np.array([[[0.6, 0.8]], [[-0.8, 0.6]]], np.float32) / 10
    moved = calibration.apply(GeneratorOutput(None, flow)).flow
    np.testing.assert_allclose(moved, flow * np.float32([[[2 * WIDTH_GAIN]], [[2]]]), atol=1e-6)


def test_for_a_generator_that_hears_something_else_only_the_silence_is_taken_out(face):
    calibration = calibrate(face, Runner(face, USUAL / 4, window=(27, 80))).calibration
    assert calibration.gain == 1
    assert np.abs(calibration.silent - SILENT).max() < 1e-6


def test_a_face_whose_lips_are_not_known_stays_as_it_is(face, astronaut):
    bare = reference_face(astronaut, BOX, RULE)
    assert calibrate(bare, Runner(face, USUAL)) is bare
