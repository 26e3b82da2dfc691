"""`lipsync animate`: films of the speech's length, marks, sizes, noise by seed, and bad input in one line."""

import json

import cv2
import numpy as np
import pytest
import soundfile
import torch
from fixtures.synthesis_fixtures import save_talking_head

from lipsync_cli.formats.weights import load_weights
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.provenance.verify import verify_marks

pytest.importorskip("face_recognition_models")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_talking_head(tmp_path_factory.mktemp("talking") / "head.safetensors")


@pytest.fixture(scope="module")
def still(grid_dir):
    return grid_dir.parent / "astronaut.jpg"


@pytest.fixture
def voice(tmp_path, example_voice):
    samples, rate = soundfile.read(example_voice)
    soundfile.write(tmp_path / "voice.wav", samples[: round(1.3 * rate)], rate)
    return tmp_path / "voice.wav"


def _pixels(film):
    return np.stack([np.asarray(frame) for frame in read_frames(film)])


def test_the_face_as_it_is_trained_and_as_long_as_the_speech(lipsync, still, voice, weights, tmp_path):
    film = tmp_path / "out.mp4"
    result = lipsync("animate", still, voice, "--weights", weights, "-o", film, "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["num_frames"], told["width"], told["height"]) == (33, 96, 128)
    assert told["marks"] == ["metadata", "sound"]
    assert _pixels(film).shape == (33, 128, 96, 3)
    assert probe(film).audio is not None
    marks = verify_marks(film)
    assert marks["synthetic"]
    assert marks["metadata"]["found"]


def test_the_frame_keeps_all_that_is_not_the_face(lipsync, still, voice, weights, tmp_path):
    film = tmp_path / "out.mp4"
    result = lipsync("animate", still, voice, "--weights", weights, "-o", film, "--into", "frame", "--crf", 4)
    assert result.returncode == 0, result.stderr
    photo = cv2.cvtColor(cv2.imread(str(still)), cv2.COLOR_BGR2RGB)
    frame = _pixels(film)[5]
    assert frame.shape == photo.shape
    apart = np.abs(frame.astype(int) - photo).mean(2)
    assert apart[-60:].mean() < 4
    assert apart.max() > 40


@pytest.mark.parametrize(("seed", "is_same"), [(10, True), (11, False)])
def test_the_noise_is_the_seeds(lipsync, still, voice, weights, tmp_path, seed, is_same):
    films = []
    for place, number in enumerate((10, seed)):
        films.append(tmp_path / f"{place}.mp4")
        assert lipsync("animate", still, voice, "--weights", weights, "-o", films[-1], "--seed", number).returncode == 0
    one, other = (_pixels(film) for film in films)
    assert np.array_equal(one, other) == is_same


def test_speech_features_are_heard(lipsync, still, voice, tmp_path):
    weights = save_talking_head(tmp_path / "features.safetensors", "encoder")
    result = lipsync("animate", still, voice, "--weights", weights, "-o", tmp_path / "out.mp4", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["num_frames"] == 33


def test_the_film_is_what_the_network_draws_in_one_piece(still, example_voice, weights):
    from lipsync_cli.media.timeline import Timeline
    from lipsync_cli.synthesis.animation.still import Still, align
    from lipsync_cli.synthesis.animation.talking_head import RATE, draw_faces
    from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
    from lipsync_cli.synthesis.sources.frame_schedule import plan_frames

    network, _ = load_weights(weights, kind="talking head")
    placing = np.array([[1.2, 0, 140.0], [0, 1.2, 60.0]])
    picture = cv2.cvtColor(cv2.imread(str(still)), cv2.COLOR_BGR2RGB)
    face = align(picture, placing)
    found = Still(picture, np.zeros(4), placing, face)
    with SpeechDriver(example_voice, silence="model", hears="sound") as voice:
        plan = plan_frames(Timeline.constant(RATE, 1), voice.duration_s, "hold")
        drawn = np.stack(list(draw_faces(found, network, voice, plan, 3)))
        heard = voice.windows((np.arange(plan.num_frames) + 0.5) / 25)
    still_tensor = torch.from_numpy(face).permute(2, 0, 1)[None] / 255
    assert len(drawn) == plan.num_frames > 75
    with torch.inference_mode():
        whole = network(still_tensor, torch.from_numpy(heard), _drawn_in_pieces(3, plan.num_frames))
    expected = (whole * 255).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(drawn - expected).max() <= 1


def _drawn_in_pieces(seed, count):
    generator = torch.Generator().manual_seed(seed)
    pieces = [torch.randn(min(25, count - first), 10, generator=generator) for first in range(0, count, 25)]
    return 0.33 * torch.cat(pieces)


def test_aligned_and_put_back_is_the_picture(still):
    from lipsync_cli.synthesis.animation.still import Placer, Still, align

    picture = cv2.GaussianBlur(cv2.imread(str(still)), (0, 0), 4)
    placing = np.array([[1.1, -0.2, 180.0], [0.2, 1.1, 60.0]])
    face = align(picture, placing)
    back = Placer(Still(picture, np.zeros(4), placing, face))(face)
    assert np.abs(back.astype(int) - picture).max() < 6
    other = Placer(Still(picture, np.zeros(4), placing, face))(255 - face)
    assert np.abs(other.astype(int) - picture).max() > 60


def test_weights_of_another_kind_say_what_to_type(lipsync, still, voice, weights, tiny_weights, tmp_path):
    for command, given, other in (("infer", weights, "animate"), ("animate", tiny_weights, "infer")):
        result = lipsync(command, still, voice, "--weights", given, "-o", tmp_path / "out.mp4")
        assert result.returncode == 3
        assert len(result.stderr.splitlines()) == 1
        assert f"lipsync {other}" in result.stderr
    result = lipsync("animate", still, voice, "-o", tmp_path / "out.mp4")
    assert result.returncode == 2
    assert "--recipe temporal-gan" in result.stderr


def test_bad_input_gets_one_line_and_leaves_nothing(lipsync, still, voice, weights, tmp_path):
    small, empty = tmp_path / "small.png", tmp_path / "empty.png"
    cv2.imwrite(str(small), cv2.resize(cv2.imread(str(still)), (20, 20)))
    cv2.imwrite(str(empty), np.full((200, 200, 3), 90, np.uint8))
    silent, nothing = tmp_path / "silent.wav", tmp_path / "nothing.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    soundfile.write(nothing, np.zeros(0), 16_000)
    for picture, sound, code, fact in (
        (empty, voice, 4, "no face in the photo"),
        (small, voice, 4, "no face in the photo"),
        (still, silent, 4, "silent throughout"),
        (still, nothing, 3, "it is empty"),
        (tmp_path / "missing.jpg", voice, 3, "missing.jpg"),
        (voice, voice, 3, "has no picture"),
        (still, still, 3, "has no sound"),
    ):
        result = lipsync("animate", picture, sound, "--weights", weights, "-o", tmp_path / "out.mp4")
        assert (result.returncode, len(result.stderr.splitlines())) == (code, 1), result.stderr
        assert fact in result.stderr
        assert not (tmp_path / "out.mp4").exists()


def test_a_tenth_of_a_second_is_three_frames(lipsync, still, example_voice, weights, tmp_path):
    samples, rate = soundfile.read(example_voice)
    soundfile.write(tmp_path / "short.wav", samples[rate : rate + rate // 10], rate)
    result = lipsync(
        "animate", still, tmp_path / "short.wav", "--weights", weights, "-o", tmp_path / "out.mp4", "--json"
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["num_frames"] == 3


def test_one_of_four_faces(lipsync, voice, weights, data_dir, tmp_path):
    photo = data_dir / "wild" / "multi_face.jpg"
    films = []
    for who in ("left", "right"):
        films.append(tmp_path / f"{who}.mp4")
        result = lipsync("animate", photo, voice, "--weights", weights, "-o", films[-1], "--face", who)
        assert result.returncode == 0, result.stderr
        assert "faces" in result.stderr
    assert not np.array_equal(*(_pixels(film)[0] for film in films))
    result = lipsync("animate", photo, voice, "--weights", weights, "-o", tmp_path / "no.mp4", "--face", "9")
    assert result.returncode in (2, 4)


def test_a_turned_photo_is_turned_upright(lipsync, still, voice, weights, tmp_path):
    photo = cv2.imread(str(still))
    turned = tmp_path / "turned.jpg"
    cv2.imwrite(str(turned), cv2.rotate(photo, cv2.ROTATE_90_COUNTERCLOCKWISE))
    data = turned.read_bytes()
    exif = (
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    )
    turned.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    film = tmp_path / "out.mp4"
    result = lipsync("animate", turned, voice, "--weights", weights, "-o", film, "--into", "frame")
    assert result.returncode == 0, result.stderr
    assert _pixels(film).shape[1:] == photo.shape


def test_a_dry_run_writes_nothing(lipsync, still, voice, weights, tmp_path):
    result = lipsync("animate", still, voice, "--weights", weights, "-o", tmp_path / "out.mp4", "-n", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["num_frames"] == 33
    assert not (tmp_path / "out.mp4").exists()


def test_no_mark_needs_a_reason_and_keeps_it(lipsync, still, voice, weights, tmp_path):
    film = tmp_path / "out.mp4"
    result = lipsync("animate", still, voice, "--weights", weights, "-o", film, "--no-mark", "a test")
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / "out.mp4.json").read_text())
    assert record["marks"]["no_mark_reason"] == "a test"
    assert set(record["inputs"]) == {"still", "speech"}
