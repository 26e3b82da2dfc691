"""Sound that changes its rate or channels midway is as long as its parts, whoever reads it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import HEIGHT, WIDTH, Ffmpeg, MakeClip, find_clicks, numbered_frame, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.sound.audio import read_speech, read_speech_blocks
from lipsync_cli.media.sound.mix import mix
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.media.video.lengths import check_lengths

CLICKS = [0.3, 1.1]
BOTH = [0.3, 1.1, 1.8, 2.6]  # of two parts of 1.5 s


@pytest.fixture
def chained(ffmpeg: Ffmpeg, tmp_path: Path) -> Path:
    """An Ogg of two parts of 1.5 s: 44.1 kHz stereo, then 22.05 kHz mono."""
    parts = []
    for rate, channels in ((44_100, 2), (22_050, 1)):
        sound = write_clicks(tmp_path / f"{rate}.wav", CLICKS, 1.5, rate, channels)
        ffmpeg("-i", sound, "-c:a", "libvorbis", "-q:a", 6, tmp_path / f"{rate}.ogg")
        parts.append((tmp_path / f"{rate}.ogg").read_bytes())
    path = tmp_path / "chained.ogg"
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def broadcast(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> Path:
    """A film of 3 s whose sound goes from stereo to 5.1 after 1.5 s, and starts 0.2 s after the picture."""
    parts = []
    for channels in (2, 6):
        sound = write_clicks(tmp_path / f"{channels}.wav", CLICKS, 1.536, 48_000, channels)  # 48 whole blocks
        ffmpeg("-i", sound, "-c:a", "ac3", tmp_path / f"{channels}.ac3")
        parts.append((tmp_path / f"{channels}.ac3").read_bytes())
    (tmp_path / "sound.ac3").write_bytes(b"".join(parts))
    inputs = ("-itsoffset", "0.2", "-i", tmp_path / "sound.ac3")
    return make_clip("film.mkv", 90, 25, "-c:a", "copy", inputs=inputs)


def test_its_length_is_that_of_its_parts(chained: Path) -> None:
    samples = read_speech(chained)
    assert len(samples) / 16_000 == pytest.approx(3, abs=0.03)
    assert find_clicks(samples, 16_000) == pytest.approx(BOTH, abs=0.03)


def join(ffmpeg: Ffmpeg, path: Path, *parts: tuple[str, int, int]) -> Path:
    """Join sounds of 1.5 s end to end: of each, its coding, rate and channels."""
    content = b""
    for number, (codec, rate, channels) in enumerate(parts):
        sound = write_clicks(path.with_name(f"{number}.wav"), CLICKS, 1.5, rate, channels)
        part = path.with_name(f"{number}{path.suffix}")
        ffmpeg("-i", sound, "-c:a", codec, part)
        content += part.read_bytes()
    path.write_bytes(content)
    return path


def test_two_codings_in_one_file_are_refused(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """FFmpeg gives the first and ends without an error."""
    path = join(ffmpeg, tmp_path / "a.ogg", ("libvorbis", 48_000, 2), ("libopus", 48_000, 2))
    with pytest.raises(InputError, match=r"a\.ogg: cannot be read on after 1\.50 s.*; give the recordings one by one"):
        read_speech(path)


def test_joined_flac_of_two_kinds_is_refused(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """FFmpeg takes the numbers of its blocks for times, and gives some of them twice."""
    path = join(ffmpeg, tmp_path / "a.flac", ("flac", 44_100, 2), ("flac", 16_000, 1))
    with pytest.raises(InputError, match="another kind of sound behind the end that its header declares"):
        read_speech(path)


def test_joined_flac_of_one_kind_plays_on(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = join(ffmpeg, tmp_path / "a.flac", ("flac", 16_000, 1), ("flac", 16_000, 1))
    samples = read_speech(path)
    assert len(samples) / 16_000 == pytest.approx(3, abs=0.03)
    assert find_clicks(samples, 16_000) == pytest.approx(BOTH, abs=0.03)


def test_nothing_is_lost_or_doubled_at_the_change(chained: Path) -> None:
    whole = read_speech(chained)
    pieces = list(read_speech_blocks(chained, block=5000))
    assert len(pieces) > 3
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_film_keeps_its_times(broadcast: Path) -> None:
    times_s = [0.5, 1.3, 2.036, 2.836]  # the second part begins at 0.2 + 1.536 s
    assert find_clicks(read_speech(broadcast), 16_000) == pytest.approx(times_s, abs=0.007)  # AC-3 begins 5 ms early


@pytest.mark.parametrize("changed", [False, True], ids=["direct", "through a change"])
@pytest.mark.parametrize("name", ["chained", "broadcast"])
def test_the_sound_of_a_film_made_of_it(
    name: str, changed: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source, output, line = request.getfixturevalue(name), tmp_path / "out.mp4", Timeline.constant(25, 75)
    change = (lambda pieces, rate: pieces) if changed else None
    with VideoWriter(output, WIDTH, HEIGHT, line, source, audio_duration_s=Fraction(3), change_sound=change) as writer:
        for number in range(75):
            writer.write(numbered_frame(number))
    check_lengths(output, 75, Fraction(3), Fraction(3))
    expected = BOTH if name == "chained" else [0.5, 1.3, 2.036, 2.836]
    assert find_clicks(read_speech(output), 16_000) == pytest.approx(expected, abs=0.03)


def test_it_cannot_be_mixed(chained: Path, tmp_path: Path) -> None:
    other = write_clicks(tmp_path / "other.wav", CLICKS, 1.5)
    with pytest.raises(InputError, match="changes its rate or channels midway"):
        mix([other, chained])


@pytest.mark.parametrize(
    ("planned", "fact"),
    [
        ((50, Fraction(2), Fraction(2)), None),
        ((49, Fraction(2), Fraction(2)), "50 of its 49 frames"),
        ((50, Fraction(3), Fraction(2)), "picture came out 2.00 s long, 3.00 s were planned"),
        ((50, Fraction(2), Fraction(3)), "sound came out 2.00 s long, 3.00 s were planned"),
    ],
    ids=["as planned", "frames", "picture", "sound"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_is_compared_with_its_plan(
    suffix: str, planned: tuple[int, Fraction, Fraction], fact: str | None, make_clip: MakeClip, tmp_path: Path
) -> None:
    film = make_clip(f"a{suffix}", 50, 25, inputs=("-i", write_clicks(tmp_path / "a.wav", CLICKS, 2)))
    if suffix == ".mkv" and fact is not None and "frames" in fact:
        pytest.skip("Matroska does not count frames")
    if fact is None:
        check_lengths(film, *planned)
    else:
        with pytest.raises(InputError, match=fact):
            check_lengths(film, *planned)
