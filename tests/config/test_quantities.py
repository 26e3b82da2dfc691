"""Texts that stand for spans and places; presets."""

from fractions import Fraction

import pytest

from lipsync_cli.config.build import make
from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.quantities import parse_point, parse_span
from lipsync_cli.pipelines.configs.infer import PRESETS, InferConfig


def test_spans_of_time():
    assert parse_span("00:10-00:20.5") == (10, Fraction(41, 2))
    assert parse_span("1 - 2") == (1, 2)
    for text in ("10", "20-10", "10-10", "a-b", "-", "10--20"):
        with pytest.raises(ValueProblemError):
            parse_span(text)


def test_places_in_a_video():
    assert parse_point("12.5,640,360") == (Fraction(25, 2), 640.0, 360.0)
    assert parse_point("00:01:00, 1.5 ,2") == (60, 1.5, 2.0)
    for text in ("1,2", "1,2,3,4", "1,-2,3", "1,x,3", "1;2;3"):
        with pytest.raises(ValueProblemError):
            parse_point(text)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_what_is_not_given(name: str):
    given = {"face": "a.mp4", "speech": ["b.wav"], "preset": name}
    config, plain = make(InferConfig, **given), make(InferConfig, face="a.mp4", speech=["b.wav"])
    assert config.quality.crf == PRESETS[name]["crf"] != plain.quality.crf
    assert make(InferConfig, **given, crf=20).quality.crf == 20
    for option, value in PRESETS[name].items():  # each is an option that can be given like this
        make(InferConfig, face="a.mp4", speech=["b.wav"], **{option: value})
