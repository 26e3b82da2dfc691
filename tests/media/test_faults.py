"""The files that once broke the program, each with what is right; they lie beside the real clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_image


@pytest.fixture
def fault(data_dir: Path, request: pytest.FixtureRequest) -> Path:
    path = data_dir / "faults" / request.param
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.parametrize("fault", ["cat.mpg"], indirect=True)
def test_recordings_that_were_joined_are_refused_by_the_time(fault: Path) -> None:
    with pytest.raises(InputError, match=r"its clock starts again after 3\.00 s"):
        read_timeline(fault)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("chained_rates.ogg", 3.0), ("hdr_2e9.wav", 2.99), ("obs2.mkv", 3.072), ("v2.wav", 2.0)],
    indirect=["fault"],
)
def test_sound_is_as_long_as_it_lasts(fault: Path, seconds: float) -> None:
    samples = read_speech(fault, 16000)
    assert abs(len(samples) / 16000 - seconds) < 0.01
    assert np.abs(samples).max() > 0.01


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("hdr_2e9.wav", "its header tells of 2000000000 bytes"),
        ("obs2.mkv", "audio track 1 is taken, the default of the file"),
        ("alpha.png", "its transparent parts are seen before white"),
    ],
    indirect=["fault"],
)
def test_what_is_done_with_it_is_said(fault: Path, says: str) -> None:
    if probe(fault).is_image:
        read_image(fault)
    assert any(says in text for text in notes_of(fault))


@pytest.mark.parametrize(
    ("fault", "side"),
    [("alpha.png", 256), ("rot.png", 256), ("p256.png", 256), ("still.gif", 512), ("x.avif", 512)],
    indirect=["fault"],
)
def test_one_picture_is_a_photo(fault: Path, side: int) -> None:
    assert probe(fault).is_image
    assert read_image(fault).shape == (side, side, 3)


@pytest.mark.parametrize("fault", ["rot.png"], indirect=True)
def test_a_turned_photo_is_upright(fault: Path) -> None:
    np.testing.assert_array_equal(read_image(fault), read_image(fault.with_name("p256.png")))
