"""A part of the source: which frames it has, and that they are those that are read."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fixtures.jobs import make_film, prepare

from lipsync_cli.config.build import check_value
from lipsync_cli.config.option import entries_of
from lipsync_cli.config.quantities import parse_time
from lipsync_cli.errors import UsageError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.synthesis.sources.frame_schedule import span
from lipsync_cli.synthesis.sources.video_source import VideoSource


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("12.5", "25/2"), (".25", "1/4"), ("1:02.5", "125/2"), ("01:02:03.250", "14893/4"), ("90:00", 5400)],
)
def test_times(text, seconds):
    assert parse_time(text) == Fraction(seconds)


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "abc", "1:", "1.5:00", "nan", "1e3", "٣"])
def test_what_is_no_time(text):
    end = next(entry for entry in entries_of(InferConfig) if entry.name == "end")
    with pytest.raises(UsageError, match=r"--end .* is no time"):
        check_value(end, text)


def test_spans():
    line = Timeline.constant(25, 100)
    assert span(line, Fraction(0), None) == (0, 100)
    assert span(line, Fraction(2), Fraction(3)) == (50, 75)
    assert span(line, Fraction("1.99"), Fraction("3.001")) == (49, 76)
    assert span(line, Fraction("3.99"), None) == (99, 100)
    assert span(line, Fraction("1.01"), Fraction("1.02")) == (25, 26)
    assert span(line, Fraction(0), Fraction(1000)) == (0, 100)
    film = Timeline.constant(Fraction(30000, 1001), 300)
    assert span(film, Fraction("1.001"), Fraction("2.002")) == (30, 60)
    uneven = Timeline(np.array([0, 10, 50, 60]), Fraction(1, 100))
    assert span(uneven, Fraction("0.3"), Fraction("0.5")) == (1, 2)
    for start, end in (("4", None), ("5", None), ("2", "2"), ("2", "1")):
        with pytest.raises(UsageError, match="--start"):
            span(line, Fraction(start), None if end is None else Fraction(end))


@pytest.mark.parametrize("spool_bytes", [1 << 30, 3 * 32 * 192 * 3])
def test_footage_of_a_part(numbered, frame_number, spool_bytes):
    info = probe(numbered(60))
    with VideoSource(info, 20, spool_bytes, first=25) as video:
        assert [frame_number(frame) for frame in video.scan()] == list(range(25, 45))
        order = np.array([0, 1, 2, 1, 0, 19])
        assert [frame_number(frame) for _, frame in video.frames(order)] == [25, 26, 27, 26, 25, 44]


def test_film_of_a_part(face_clip, voice_file, weights, tmp_path):
    output = tmp_path / "out.mp4"
    job = prepare(
        face_clip, voice_file(0.5), output, weights, start_s=Fraction("0.4"), end_s=Fraction("0.7"), silence="keep"
    )
    with job:
        assert job.source.first_frame == 11
        assert job.schedule.num_source_frames == 10
        assert job.schedule.num_frames == 15
        result = make_film(job, "auto")
    assert all(11 <= number < 21 for number in result.reference_frames[0])
    assert result.reference_frames[0]
    shown, source = list(read_frames(output)), list(read_frames(face_clip))
    assert len(shown) == 15
    for number in (0, 9, 12):  # bounced at the end
        place = 11 + number if number < 10 else 11 + 18 - number
        difference = [np.abs(shown[number][:100].astype(int) - frame[:100]).mean() for frame in source]
        assert int(np.argmin(difference)) == place or difference[place] < min(difference) + 0.05
    photo = tmp_path / "photo.png"
    import cv2

    cv2.imwrite(str(photo), source[0])
    with pytest.raises(UsageError, match="a photo has no --start"):
        prepare(photo, voice_file(0.5), None, weights, start_s=Fraction(1))
