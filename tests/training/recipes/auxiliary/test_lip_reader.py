"""The lip reader's recipe: what it learns from, and that it learns."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.datasets.transforms.augmentation import augment_utterances
from lipsync_cli.datasets.word_clips import SpokenTable
from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights, read_header
from lipsync_cli.models.lip_reader import VOCABULARY, log_shares
from lipsync_cli.speech.transcript import Transcripts
from lipsync_cli.training.evaluators.lip_reader_evaluator import chance_level_of, measure_accuracy
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes.auxiliary.lip_reader import SMOOTHING, choose_words

SENTENCE = ("bin", "blue", "at", "f", "two", "now")
SMALL = {"dims": {"channels": [12, 12], "features": 16}, "batch_size": 12, "validate_every": 12}


@pytest.fixture(scope="module")
def align(tmp_path_factory) -> Path:
    """Transcripts of the first speaker's clips: six words of 0.1 s."""
    folder = tmp_path_factory.mktemp("align")
    (folder / "s1").mkdir()
    for number in range(5):
        words = [f"{2500 * k} {2500 * (k + 1)} {word}\n" for k, word in enumerate(("sil", *SENTENCE))]
        (folder / "s1" / f"clip{number}.align").write_text("".join(words))
    return folder


def test_batches_are_sentences_of_clips_with_a_transcript(small_pack, align):
    with Pack(small_pack) as pack:
        table = SpokenTable(FrameTable(pack, "train"), pack.frame_middle, Transcripts(align))
        names = {table.table.clip_name[row] for row in table.rows}
        assert names
        assert all(name.startswith("s1/") for name in names)
        rows = table.draw(2, 1, 7)
        assert rows == table.draw(2, 1, 7) != table.draw(2, 1, 8) or len(table.rows) < 3
        batch = table.gather(pack, rows)
        assert [VOCABULARY[word] for word in batch.words[1]] == list(SENTENCE)
        clip = table.table.frames[rows[0]]
        grey = pack.read_crops(clip[:1])[0] @ np.array([0.299, 0.587, 0.114]) / 255
        shown = int(batch.spans[0, 0, 0] - 2.5)  # the first word starts with frame 2.5: this is frame 0
        grey = grey.reshape(48, 2, 48, 2).mean((1, 3))
        torch.testing.assert_close(
            batch.faces[0, shown].double(), torch.from_numpy(grey), atol=0.5 / 255 + 1e-5, rtol=0
        )


def test_augmented_mouths_are_decided_by_seed_and_step_and_clips_are_changed_alike(small_pack, align):
    with Pack(small_pack) as pack:
        table = SpokenTable(FrameTable(pack, "train"), pack.frame_middle, Transcripts(align))
        batch = table.gather(pack, table.draw(2, 1, 7))
    batch = batch._replace(faces=batch.faces[:, :1].expand(-1, 3, -1, -1))
    one, same, other = (augment_utterances(batch, 3, step, 0.5) for step in (4, 4, 5))
    assert torch.equal(one.faces, same.faces)
    assert not torch.equal(one.faces, other.faces)
    torch.testing.assert_close(one.faces[0, 0], one.faces[0, 2])
    assert torch.equal(one.faces[1], batch.faces[1, :, 24:, 12:36])
    assert one.faces.shape[2:] == (24, 24)


def test_the_loss_is_smoothed_cross_entropy_within_the_slot():
    words = torch.tensor([[VOCABULARY.index("green"), VOCABULARY.index("nine")]])
    logits = torch.randn(1, 2, len(VOCABULARY), generator=torch.Generator().manual_seed(1))
    expected = [
        torch.nn.functional.cross_entropy(
            logits[:, k, first : first + size], words[:, k] - first, label_smoothing=SMOOTHING
        )
        for k, (first, size) in enumerate(((4, 4), (37, 10)))
    ]
    torch.testing.assert_close(choose_words(logits, words), torch.stack(expected).mean())


def test_accuracies_by_slot_and_their_chance():
    said = np.array([VOCABULARY.index(word) for word in SENTENCE])
    read = np.array([VOCABULARY.index(word) for word in ("bin", "red", "at", "s", "two", "soon")])
    figures = measure_accuracy(said, read)
    assert figures["words/accuracy"] == 0.5
    assert figures["words/letter"] == 0
    assert figures["words/digit"] == 1
    assert chance_level_of("letter") == 0.04
    assert chance_level_of() == pytest.approx(0.19)


def test_a_reader_trains_goes_on_and_says_what_it_is(small_pack, align, tmp_path):
    run = tmp_path / "reader"
    train(small_pack, run, make_config("lip-reader", **SMALL, max_samples=24), transcripts=align)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {"words/accuracy", "words/letter"} <= next(line for line in log if line["kind"] == "validation").keys()
    assert "| letter |" in (run / "MODEL_CARD.md").read_text()
    header = read_header(run / "last.safetensors")
    assert header.architecture == "lip-reader"
    assert "words/accuracy" in header.metrics
    network, _ = load_weights(run, kind="lip reader")
    spans = torch.tensor([[[1.0, 4.0]]])
    shares = log_shares(network(torch.rand(1, 9, 24, 24), spans), torch.tensor([[0]])).exp()
    assert shares.sum().item() == pytest.approx(1)
    (align / "s1" / "clip0.align").write_text("0 2500 bin\n")
    with pytest.raises(InputError, match="begun with transcripts ="):
        train(small_pack, run, make_config("lip-reader", **SMALL, max_samples=24), transcripts=align)


def test_what_cannot_be_learned_is_said(small_pack, align, tmp_path):
    config = make_config("lip-reader", **SMALL, max_samples=12)
    with pytest.raises(UsageError, match="needs transcripts"):
        train(small_pack, tmp_path / "run", config)
    with pytest.raises(UsageError, match="asks no transcripts"):
        train(small_pack, tmp_path / "run", make_config("sync-expert", max_samples=16), transcripts=align)
    with pytest.raises(UsageError, match="six words"):
        make_config("lip-reader", targets_per_reference=4)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "clip9.align").write_text("0 2500 bin\n")
    with pytest.raises(NothingToDoError, match="no transcript of six words"):
        train(small_pack, tmp_path / "run", config, transcripts=tmp_path / "foreign")
    assert not (tmp_path / "run").exists()
