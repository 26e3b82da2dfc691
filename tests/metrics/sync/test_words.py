"""Words on the lips: transcripts, the frames that show them, and what a reader makes of each row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.fakes import Dreamer, Listener, MemoryPack
from torch import Tensor, nn
from typer.testing import CliRunner

from lipsync_cli import models
from lipsync_cli.cli import app
from lipsync_cli.datasets.word_clips import show_words
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats.weights import WeightsHeader, save_weights
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync.words import read_lips
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.models.lip_reader import CONTEXT, SLOT_OF, VOCABULARY, LipReader, log_shares, mouth_of
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.transcript import Transcripts, Word, find_transcript, read_transcript

DIMS = {"size": 96, "channels": [12, 12], "features": 16}


def write_align(path: Path, words: list[tuple[float, float, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{round(25_000 * start)} {round(25_000 * end)} {word}\n" for start, end, word in words))
    return path


def test_a_transcript_is_its_words_in_seconds(tmp_path: Path) -> None:
    path = write_align(tmp_path / "a.align", [(0, 0.4, "sil"), (0.4, 0.6, "bin"), (0.6, 1, "SP"), (1, 1.2, "Blue")])
    assert read_transcript(path) == (Word("bin", 0.4, 0.6), Word("blue", 1.0, 1.2))
    assert find_transcript(path, Path("out.mp4")) == path
    assert find_transcript(None, Path("out.mp4")) is None
    assert find_transcript(tmp_path, tmp_path / "a.mp4") == path
    with pytest.raises(NothingToDoError, match=r"holds no transcript of b\.mp4"):
        find_transcript(tmp_path, tmp_path / "b.mp4")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"0 1 bin\n2 three four\n", "line 2 is not"),
        (b"0 9 bin\n5 12 blue\n", "line 2 ends before it starts, starts before the last"),
        (b"0 9 sil\n", "holds no words"),
        (b"\x89HDF\r\n\x1a\n", "no readable transcript"),
    ],
)
def test_what_is_no_transcript_is_said(content: bytes, fact: str, tmp_path: Path) -> None:
    (tmp_path / "a.align").write_bytes(content)
    with pytest.raises(InputError, match=fact):
        read_transcript(tmp_path / "a.align")


def test_frames_of_words_at_any_rate_and_where_no_face_is() -> None:
    words = (Word("bin", 0.4, 0.6), Word("f", 0.6, 0.7), Word("now", 1.0, 1.3))
    exact = show_words((np.arange(75) + 0.5) / 25, words)
    assert exact.take.tolist() == list(range(10 - CONTEXT, 33 + CONTEXT))
    assert exact.is_seen.all()
    np.testing.assert_allclose(exact.spans, np.array([[0, 5], [5, 7.5], [15, 22.5]]) + CONTEXT, atol=1e-5)
    assert [VOCABULARY[word] for word in exact.words] == ["bin", "f", "now"]
    faster = show_words((np.arange(180) + 0.5) / 60, words)
    np.testing.assert_allclose((faster.take + 0.5) / 60, (exact.take + 0.5) / 25, atol=0.5 / 60 + 1e-9)
    gap = np.r_[0:16, 24:75]
    assert show_words((gap + 0.5) / 25, words).is_seen.tolist() == [True, False, True]
    late = show_words((np.arange(60, 75) + 0.5) / 25, words)
    assert not late.is_seen.any()
    assert (late.take == 0).all()


def test_a_still_face_tells_nothing_of_how_long_a_word_takes() -> None:
    torch.manual_seed(0)
    reader = LipReader(**DIMS).eval()
    still = torch.rand(1, 1, 24, 24).expand(1, 40, 24, 24)
    moving = torch.rand(1, 40, 24, 24)
    spans = torch.tensor([[[8.0, 11.0], [11.0, 30.0]]])
    with torch.no_grad():
        short, long = reader(still, spans)[0]
        torch.testing.assert_close(short, long, atol=1e-5, rtol=1e-5)
        assert (reader(moving, spans)[0, 0] - reader(moving, spans)[0, 1]).abs().max() > 1e-3
        bright = reader(0.5 * moving + 0.2, spans)
        assert (bright - reader(moving, spans)).abs().max() < 0.2  # light and contrast are taken out, but for a floor


def test_shares_are_of_the_slot_alone() -> None:
    words = torch.tensor([VOCABULARY.index(word) for word in ("red", "q", "seven")])
    shares = log_shares(torch.randn(3, len(VOCABULARY)), words).exp()
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    for row, word in zip(shares, words.tolist(), strict=True):
        inside = torch.tensor([slot == SLOT_OF[word] for slot in SLOT_OF])
        assert (row[~inside] == 0).all()
        assert (row[inside] > 0).all()
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 51


class BrightnessReader(nn.Module):
    """Reads a command from how bright the mouth is in the middle of the word: dark to bright."""

    def forward(self, mouths: Tensor, spans: Tensor) -> Tensor:
        middle = spans.mean(-1).long()
        level = mouths[0, :, 7:17, 6:18].mean((1, 2))[middle]  # rows 62 ... 81, columns 36 ... 59 of the crop
        centres = torch.arange(4) / 3
        logits = torch.zeros(*spans.shape[:2], len(VOCABULARY))
        logits[..., :4] = -60 * (level[..., None] - centres) ** 2
        return logits


class Tool(MetricNetworks):
    def lip_reader(self, rule: object) -> BrightnessReader:
        return BrightnessReader()


def loud_words(pack: MemoryPack, row: int, only: tuple[str, ...]) -> list[tuple[float, float, str]]:
    """Name each 0.2 s after how loud it is, as the reader does; only some of the words are in the transcript."""
    frames = 40 * row + np.arange(2, 38, 5)
    levels = pack.read_crops(frames)[:, 70, 48, 0] / 255
    words = [(0.2 * k, 0.2 * k + 0.2, VOCABULARY[round(3 * level)]) for k, level in enumerate(levels)]
    return [word for word in words if word[2] in only]


def test_rows_of_a_listener_and_of_a_dreamer(memory_pack: MemoryPack, tmp_path: Path) -> None:
    for row, (name, only) in enumerate({"s1/one": ("bin", "lay"), "s1/two": ("place", "set")}.items()):
        write_align(tmp_path / f"{name}.align", loud_words(memory_pack, row, only))
    families, transcripts = find_metric_groups(["word_error", "letter_error", "word_surprise"]), Transcripts(tmp_path)
    listener, dreamer = (
        score_pack(memory_pack, generator, tools=Tool(), families=families, transcripts=transcripts)[0]
        for generator in (Listener(), Dreamer())
    )
    means = {row: found["word_error"].mean for row, found in listener.summary()["all"].items() if "word_error" in found}
    assert means["ground_truth"] <= means["model"] < 20
    assert means["wrong_audio"] > 60
    assert means["frozen"] > 30
    assert dreamer.summary()["all"]["model"]["word_error"].mean > 30
    assert listener.missing["model", "word_error"] == {"no transcript": [2]}  # s2/three
    assert list(listener.missing["model", "letter_error"]) == ["no letter is seen", "no transcript"]


def test_a_word_that_nobody_sees_has_no_figure() -> None:
    with pytest.raises(MetricUnavailableError, match="no face while a word is said"):
        read_lips(BrightnessReader(), np.zeros((5, 96, 96, 3), np.uint8), np.arange(5) / 25, [Word("bin", 2.0, 2.2)])


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader") / "reader.safetensors"
    metrics = {"words/accuracy": 0.8, "words/letter": 0.5}
    header = WeightsHeader("lip-reader", DIMS, CropRule(), MelParameters(), "lip-reader", 0, metrics=metrics)
    save_weights(path, dict(models.build("lip-reader", DIMS).state_dict()), header)
    return path


def run(*words: object):
    return CliRunner().invoke(app, list(map(str, words)))


def test_a_film_with_its_transcript(clip_folder: Path, reader: Path, tmp_path: Path) -> None:
    clip = clip_folder / "ann" / "a1.mp4"
    align = write_align(tmp_path / "a1.align", [(0.1, 0.3, "bin"), (0.3, 0.6, "q"), (0.6, 0.7, "hello")])
    words = ("score", clip, "--lip-reader", reader, "--metrics", "word_error,letter_error", "--json", "-q")
    plain = json.loads(run(*words).stdout)
    assert plain["groups"]["all"]["output"]["word_error"] is None
    assert plain["reasons"]["output"] == {"word_error": "no transcript", "letter_error": "no transcript"}
    strange = json.loads(run(*words, "--transcripts", align).stdout)
    assert strange["reasons"]["output"]["word_error"] == "'hello' is no word of GRID"
    write_align(align, [(0.1, 0.3, "bin"), (0.3, 0.6, "q")])
    found = json.loads(run(*words, "--transcripts", tmp_path).stdout)
    rows = found["groups"]["all"]
    assert rows["output"]["word_error"]["mean"] in (0, 50, 100)
    assert rows["output"]["letter_error"]["mean"] in (0, 100)
    assert found["tools"]["lip_reader"]["real_word_error"] == 20.0
    assert any("misreads 20.0 % of the words and 50.0 %" in note for note in found["notes"])


def test_what_is_wrong_is_said_in_a_line(clip_folder: Path, reader: Path, good: Path, tmp_path: Path) -> None:
    clip, bad = clip_folder / "ann" / "a1.mp4", tmp_path / "bad.align"
    bad.write_text("<html>\n")
    (tmp_path / "none").mkdir()
    write_align(tmp_path / "some" / "other.align", [(0, 1, "bin")])
    grid = ("score", good / "grid.h5", "--weights", good / "tiny.safetensors", "--lip-reader", reader)
    for code, words, fact in (
        (3, ("score", clip, "--transcripts", bad), "line 1 is not"),
        (3, ("score", clip, "--transcripts", tmp_path / "no.align"), "no such transcript"),
        (3, ("score", clip, "--lip-reader", good / "tiny.safetensors"), "holds a generator, not a lip reader"),
        (3, ("score", clip, "--expert", reader), "holds a lip reader, not a sync expert"),
        (3, (*grid, "--transcripts", bad), "the transcripts of many clips are a folder"),
        (4, (*grid, "--transcripts", tmp_path / "none"), "no .align file"),
        (4, (*grid, "--transcripts", tmp_path / "some"), "holds no transcript of the"),
        (3, ("infer", clip, clip, "--weights", reader, "-o", tmp_path / "o.mp4"), "a lip reader, not a generator"),
    ):
        result = run(*words)
        assert result.exit_code == code, (words, result.output)
        assert fact in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert not result.stdout


def test_another_crop_is_no_figure(reader: Path) -> None:
    with pytest.raises(MetricUnavailableError, match="lip reader reader does not fit"):
        MetricNetworks(files={"lip_reader": reader}).lip_reader(CropRule(scale=1.5))
    assert mouth_of(48) == (slice(24, 48), slice(12, 36))
