"""`lipsync infer --adapt`: when it goes on unadapted, what is kept for the next run, and options that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fixtures.jobs import prepare
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.errors import UsageError
from lipsync_cli.faces.selection import FaceSelection
from lipsync_cli.formats.weights import read_header
from lipsync_cli.pipelines.inference.adapt import Adapting, adapted
from lipsync_cli.synthesis.references.reference_cache import FaceReferenceCache
from lipsync_cli.training.adaptation import Adapted

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def asked(tiny_weights: Path, tmp_path: Path) -> Adapting:
    return Adapting(60, tiny_weights, None, "cpu", 10, False, tmp_path / "cache")


def weights_of(asked: Adapting, face: Path, vtln: float | None = None, **options: Any) -> Path:
    """The weights that are used for a face after all."""
    plain, memory = partial(prepare, face, weights=asked.weights, vtln=vtln), FaceReferenceCache(None)
    with adapted(asked, face, plain, FaceSelection(), memory, notify=Progress().note, **options) as changed:
        return changed.keywords["weights"]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def talk(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("talk") / "ann.mp4", num_frames=70)


class Minute:
    """Takes the place of the training itself: gains so many dB, and counts its calls."""

    def __init__(self, gain_db: float = 2.0) -> None:
        self._gain_db, self.num_calls = gain_db, 0

    def __call__(self, generator, *_, **__):  # type: ignore[no-untyped-def]
        self.num_calls += 1
        figures = {"mouth_psnr": 20.0, "over_wrong_audio_db": 0.1}
        return Adapted(generator, 480, figures, figures | {"mouth_psnr": 20.0 + self._gain_db})


def test_a_photo_and_a_silent_video_go_on_unadapted(
    asked: Adapting, make_clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = make_clip(tmp_path / "silent.mp4", num_frames=5, sound=False)
    for face, says in (
        (ROOT / "examples" / "astronaut.jpg", "a photo does not talk"),
        (silent, "the video has no sound to learn from"),
    ):
        assert weights_of(asked, face) == asked.weights
        assert capsys.readouterr().err == f"{face}: {says}; the weights are not adapted\n"


@pytest.mark.slow
def test_what_was_gained_is_kept_and_taken_again(
    asked: Adapting, talk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, learn = tmp_path / "mine.safetensors", Minute()
    assert weights_of(replace(asked, save=mine), talk, dry_run=True, learn=learn) == asked.weights
    assert not learn.num_calls
    first = weights_of(replace(asked, save=mine), talk, learn=learn)
    assert "mouth PSNR 20.00 dB before, 22.00 dB after" in capsys.readouterr().err
    assert mine.read_bytes() == first.read_bytes()
    header = read_header(mine)
    assert header.samples_seen == 480
    assert header.metrics["held_out/mouth_psnr"] == 22.0
    assert header.data["adapted"]["frames"] >= 30
    assert weights_of(asked, talk, learn=learn) == first
    assert learn.num_calls == 1
    assert f"was adapted to before; {first} is taken" in capsys.readouterr().err
    weights_of(replace(asked, seed=11), talk, learn=learn)
    assert learn.num_calls == 2
    weights_of(asked, talk, vtln=1.1, learn=learn)  # hears itself in another way
    assert learn.num_calls == 3


def test_what_is_no_gain_is_not_tried_again(asked: Adapting, talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn = Minute(gain_db=0.2)
    for says in ("is no gain (mouth PSNR 20.00 dB before, 20.20 dB after", "was no gain when it was last tried"):
        assert weights_of(asked, talk, learn=learn) == asked.weights
        assert says in capsys.readouterr().err
    assert learn.num_calls == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--adapt", "soon"), "no length of time"),
        (("--adapt", "0s"), "no length of time"),
        (("--save-weights", "mine.safetensors"), "goes with --adapt"),
        (("--adapt", "1m", "--save-weights", "mine.pt"), "mine.safetensors"),
        (("--adapt", "1m", "--speaker", "0=v.wav"), "does not go with --speaker"),
    ],
)
def test_options_that_make_no_sense(options: tuple[str, ...], says: str) -> None:
    speech = () if "--speaker" in options else ("v.wav",)
    result = CliRunner().invoke(cli.app, ["infer", "face.mp4", *speech, *options])
    assert result.exit_code == UsageError.exit_code
    assert says in result.stderr
