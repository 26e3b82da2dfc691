"""The weights in the package, through the command line, on real faces they were not trained on."""

import json
import shutil
from pathlib import Path

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import EMBEDDED, find_weights, load_weights, read_header
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.mel import log_mel
from lipsync_cli.speech.vtln import find_factor


def test_the_header_says_what_they_are():
    header = read_header(find_weights(None))
    assert header.architecture == "compact"
    assert header.recipe == "speech-embedding"
    assert header.hears == "encoder"
    assert header.crop_rule.size == 96
    assert header.samples_seen > 500_000
    speakers = set(header.data["speakers"])
    assert {"s1", "s10", "s2", "s3"} < speakers
    assert len(speakers) == 24
    assert not speakers & {"s22", "s26", "p23", "p26", "p27", "p28", "p29", "p30", "p31"}  # validation and test
    assert header.metrics["mouth/opening"] > 0.55 > 0.3 > header.metrics["mouth/mismatched"]


def test_the_weights_of_grid_alone_are_there_by_their_name():
    path = find_weights(Path("grid"))
    header = read_header(path)
    assert header.recipe == "listen"
    assert header.hears == "mel"
    assert set(header.data["speakers"]) == {"s1", "s10", "s2", "s3"}  # s22 and s26 were kept out
    assert header.sha256 in (path.parent / "GRID_CARD.md").read_text()


def test_what_comes_with_the_package_is_not_large():
    assets = find_weights(None).parent
    assert sum(path.stat().st_size for path in assets.glob("*.safetensors")) < 40e6


def test_they_know_the_voices_of_men_and_move_a_womans_formants(grid_dir):
    known = read_header(find_weights(Path("grid"))).known_voices
    assert known is not None
    assert known.num_frames > 30_000
    factors = {}
    for name in ("s22", "s26", "s3"):  # a woman and a man whom they have not heard, and a man whom they have
        (clip,) = (grid_dir / name).glob("*.mpg")
        factors[name] = find_factor(log_mel(read_speech(clip)), known)
    assert factors["s22"] > 1.05
    assert factors["s26"] == factors["s3"] == 1


def test_the_model_card_names_the_file_it_describes():
    path = find_weights(None)
    card = (path.parent / "MODEL_CARD.md").read_text()
    assert EMBEDDED["generator"] in card
    assert read_header(path).sha256 in card


def test_the_expert_is_what_its_card_says():
    path = find_weights(None, "sync expert")
    header = read_header(path)
    card = (path.parent / "EXPERT_CARD.md").read_text()
    assert EMBEDDED["sync expert"] in card
    assert header.sha256 in card
    assert f"{100 * header.metrics['sync/pair_accuracy']:.1f} %" in card
    assert header.metrics["sync/pair_accuracy"] >= 0.78
    speakers = set(header.data["speakers"])
    assert {"s1", "s2", "s3", "s10", "p01"} < speakers
    assert not speakers & {"s22", "s26", "p23", "p26", "p27", "p28", "p29", "p30", "p31"}  # validation and test


def test_the_expert_of_grid_alone_is_there_by_its_name():
    path = find_weights(Path("grid"), "sync expert")
    header = read_header(path)
    assert header.metrics["sync/pair_accuracy"] >= 0.9
    assert set(header.data["speakers"]) == {"s1", "s10", "s2", "s3"}
    assert header.sha256 in (path.parent / "EXPERT_GRID_CARD.md").read_text()


def test_the_lip_reader_is_what_its_card_says():
    path = find_weights(None, "lip reader")
    header = read_header(path)
    card = (path.parent / "READER_CARD.md").read_text()
    assert EMBEDDED["lip reader"] in card
    assert header.sha256 in card
    assert path.stat().st_size < 4 << 20
    assert f"| all | {100 * header.metrics['words/accuracy']:.1f} |" in card
    assert header.metrics["words/accuracy"] > 0.5
    assert header.metrics["words/letter"] > 0.12


def test_the_phone_encoder_is_what_its_card_says():
    path = find_weights(None, "phone encoder")
    header = read_header(path)
    card = (path.parent / "PHONES_CARD.md").read_text()
    assert EMBEDDED["phone encoder"] in card
    assert header.sha256 in card
    assert path.stat().st_size < 1 << 20
    assert f"{header.metrics['mouth/opening']:.3f}" in card
    assert header.metrics["mouth/opening"] > 0.8 > 0.4 > header.metrics["mouth/mismatched"]
    assert header.data["speakers"] == ["s1"]
    assert {"p", "b", "m", "iː"} < set(header.data["phones"])
    assert header.feature_parameters == read_header(find_weights(None)).feature_parameters


def test_the_occlusion_network_is_what_its_card_says():
    path = find_weights(None, "occlusion network")
    header = read_header(path)
    card = (path.parent / "OCCLUSION_CARD.md").read_text()
    assert EMBEDDED["occlusion network"] in card
    assert header.sha256 in card
    assert path.stat().st_size < 1 << 20
    assert f"| overlap (IoU) | {header.metrics['occlusion/iou']:.3f} |" in card
    assert header.metrics["occlusion/iou"] > 0.8
    assert set(header.data["speakers"]) == {"s1", "s10", "s2", "s3"}
    assert header.crop_rule == read_header(find_weights(None)).crop_rule  # so that `infer` asks it


def test_they_load_into_the_network_that_the_header_names():
    generator, _ = load_weights(None)
    assert sum(p.numel() for p in generator.parameters()) == 2_244_482
    assert not generator.training


@pytest.fixture(scope="module")
def strangers(grid_dir, lipsync, tmp_path_factory):
    """A pack of the two speakers kept out of training, made by the verbs."""
    folder = tmp_path_factory.mktemp("strangers")
    for speaker in ("s22", "s26"):
        shutil.copytree(grid_dir / speaker, folder / "grid" / speaker)
    for verb in (
        ("detect-faces", folder / "grid", folder / "faces.h5", "--jobs", "1"),
        ("mels", folder / "grid", folder / "mels.h5", "--features", "mel,encoder", "--jobs", "1"),
        ("pack", folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", "--hold-out", "s22", "--hold-out", "s26"),
    ):
        done = lipsync(*verb)
        assert done.returncode == 0, done.stderr
    return folder / "pack.h5"


def test_strangers_speak_better_than_a_copy_and_than_wrong_audio(strangers, lipsync):
    done = lipsync("score", strangers, "--metrics", "mouth_psnr,mouth_ssim", "--max-frames", "40", "--json", "-q")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["groups"]["all"]
    model, copy, wrong = (rows[row]["mouth_psnr"]["mean"] for row in ("model", "copy", "wrong_audio"))
    assert model > copy + 1.5
    assert model > wrong + 0.2
    assert rows["ground_truth"]["mouth_ssim"]["mean"] == 1.0


def test_grid_names_the_weights_of_the_package_also_beside_a_folder_of_clips(tmp_path, monkeypatch):
    expected = find_weights(Path("grid"))
    (tmp_path / "grid").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_weights(Path("grid")) == expected
    with pytest.raises(InputError, match="no weights in this folder"):
        find_weights(tmp_path / "grid")
