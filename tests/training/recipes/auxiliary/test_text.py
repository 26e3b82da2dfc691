"""Recipe text: a network learns to give speech features from the sounds of words and their times."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import read_header
from lipsync_cli.models.phone_encoder import PhoneEncoder
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.speech.phones.timed_phones import WIDTH, TimedPhone, describe_frames
from lipsync_cli.speech.transcript import Transcripts
from lipsync_cli.synthesis.drivers.phone_encoding import PhoneEncoding
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.phone_sequences import LENGTH, PhoneSequences
from lipsync_cli.training.recipe_config import make_config

FRAMES = 45
TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}}
SMALL = {"dims": {"width": 16}, "batch_size": 2 * LENGTH, "sheet_every": 4 * LENGTH, "checkpoint_every": 2 * LENGTH}


@pytest.fixture(scope="module")
def feature_pack(stores, tmp_path_factory):
    """Five clips of s1 and one of s2, whose mouths move."""
    folder = tmp_path_factory.mktemp("features")
    names = [("s1", f"clip{number}") for number in range(5)] + [("s2", "a")]
    stores.write_faces(folder / "faces.h5", [(*name, FRAMES) for name in names])
    stores.write_mels(folder / "mels.h5", [(*name, 150) for name in names], features=1)
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(2, 1, None))
    with h5py.File(folder / "pack.h5", "r+") as file:
        times = file["faces/middle"][()]
        moving = np.stack([np.sin(9 * times), np.cos(5 * times), np.sin(9 * times)], 1) * 0.1 + 0.3
        file.create_dataset("faces/mouth", data=moving.astype(np.float32))
    return folder / "pack.h5"


@pytest.fixture(scope="module")
def align(tmp_path_factory):
    """Transcripts of s1's clips, but of the last one, which has a word that nobody can pronounce."""
    folder = tmp_path_factory.mktemp("align") / "align"
    (folder / "s1").mkdir(parents=True)
    for number in range(5):
        words = ("hello" if number == 4 else "bin", "blue", "now")
        lines = [f"{6000 * place} {6000 * (place + 1)} {word}\n" for place, word in enumerate(words, 1)]
        (folder / "s1" / f"clip{number}.align").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def teacher(feature_pack, tmp_path_factory):
    run = tmp_path_factory.mktemp("teacher") / "run"
    options = {**TINY, "batch_size": 4, "max_samples": 4, "validation_frames": 1, "speech": "encoder"}
    train(feature_pack, run, make_config("l1", **options))
    return run


def test_a_run_gives_weights_that_say_what_they_have_learned(feature_pack, align, teacher, tmp_path):
    config = make_config("text", **SMALL, max_samples=4 * LENGTH)
    train(feature_pack, tmp_path / "whole", config, transcripts=align, teacher=teacher)
    path = tmp_path / "whole" / "last.safetensors"
    header, encode = read_header(path), PhoneEncoding(path)
    assert header.architecture == "phone-encoder"
    assert header.data["speakers"] == ["s1"]
    assert {"b", "n", "uː"} < encode.known
    described = describe_frames([TimedPhone("b", 0.1, 0.2)], -encode.margin, 30 + encode.margin)
    assert encode(described).shape == (30, 384)
    assert list((tmp_path / "whole").rglob("*.png"))


def test_a_stopped_run_is_resumed_exactly(feature_pack, align, teacher, tmp_path):
    config = make_config("text", **SMALL, max_samples=6 * LENGTH)

    class StopError(Exception):
        pass

    def stop(done, total, label):
        if label == "training" and done >= 4 * LENGTH:
            raise StopError

    given = {"transcripts": align, "teacher": teacher}
    train(feature_pack, tmp_path / "whole", config, **given)
    with pytest.raises(StopError):
        train(feature_pack, tmp_path / "cut", config, **given, progress=stop)
    train(feature_pack, tmp_path / "cut", config, **given)
    whole, cut = (load_file(tmp_path / run / "last.safetensors") for run in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_clips_take_part_whose_words_can_be_pronounced(feature_pack, align):
    config = make_config("text", **SMALL)
    with Pack(feature_pack) as opened:
        sequences = PhoneSequences(Source(opened, opened, "train", config, "cpu"), Transcripts(align))
    assert sequences.table.names
    assert set(sequences.table.names) < {("s1", f"clip{number}") for number in range(4)}
    frames, place = sequences.cut(np.array([0]), np.array([0]), 6)
    assert frames.shape[2] == WIDTH
    assert place.shape == (1, LENGTH)


def test_what_cannot_be_learned_from_is_refused(feature_pack, align, teacher, tmp_path):
    config = make_config("text", **SMALL)
    options = {**TINY, "batch_size": 4, "max_samples": 4, "validation_frames": 1}
    train(feature_pack, tmp_path / "mels", make_config("l1", **options))
    with pytest.raises(InputError, match="the generator of --teacher hears mels"):
        train(feature_pack, tmp_path / "run", config, transcripts=align, teacher=tmp_path / "mels")
    other = tmp_path / "other" / "s9"
    other.mkdir(parents=True)
    (other / "clip.align").write_text("0 6000 bin\n")
    with pytest.raises(NothingToDoError, match=r"has what is learned from; name transcripts SPEAKER/CLIP.align"):
        train(feature_pack, tmp_path / "run", config, transcripts=other.parent, teacher=teacher)
    with pytest.raises(UsageError, match=r"needs transcripts; give --transcripts"):
        train(feature_pack, tmp_path / "run", config, teacher=teacher)
    assert not (tmp_path / "run").exists()


def test_options_that_contradict_the_recipe_are_refused():
    with pytest.raises(UsageError, match="gives speech features"):
        make_config("text", speech="mel")
    with pytest.raises(UsageError, match="no whole number of sequences"):
        make_config("text", batch_size=LENGTH + 1)


def test_an_answer_depends_on_its_surroundings_alone():
    torch.manual_seed(0)
    network = PhoneEncoder(width=8).eval()
    frames = torch.randn(1, 60, WIDTH)
    whole, part = network(frames), network(frames[:, 10:40])
    assert torch.allclose(whole[:, 10 : 40 - 2 * network.margin], part, atol=1e-5)
