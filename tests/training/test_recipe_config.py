"""The configuration of a run: what an option may be is said in its field, and holds from Python, too."""

from __future__ import annotations

import pytest

from lipsync_cli.config.option import entries_of
from lipsync_cli.errors import UsageError
from lipsync_cli.training.config import TrainConfig
from lipsync_cli.training.recipe_config import make_config

BOUNDED = [each for each in entries_of(TrainConfig) if each.option.least is not None]


@pytest.mark.parametrize("entry", BOUNDED, ids=[each.name for each in BOUNDED])
def test_a_number_below_the_least_of_its_field_is_refused(entry):
    with pytest.raises(UsageError, match=f"^{entry.name} .* is out of range"):
        make_config("lipgan", **{entry.name: entry.kind(entry.option.least - 1)})


def test_a_word_counts_in_any_letter_case_and_others_are_refused():
    assert make_config("lipgan", precision="BFloat16").precision == "bfloat16"
    with pytest.raises(UsageError, match="schedule 'linear' does not exist"):
        make_config("lipgan", schedule="linear")


@pytest.mark.parametrize(
    ("recipe", "options", "fact"),
    [
        ("lipgan", {"mel_window": 28}, "odd"),
        ("lipgan-expert", {"mel_window": 13}, "the recipe lipgan-expert"),
        ("sync-expert", {"mel_window": 41}, "the recipe sync-expert"),
        ("l1", {"mel_window": 41, "speech": "encoder", "generator": "compact"}, "--speech encoder"),
    ],
)
def test_windows_of_mels_that_a_run_cannot_have_are_refused(recipe, options, fact):
    with pytest.raises(UsageError, match=fact):
        make_config(recipe, **options)


def test_a_recipe_takes_its_own_generators_only():
    with pytest.raises(UsageError, match="generator 'sync expert' does not exist"):
        make_config("lipgan", generator="sync expert")
