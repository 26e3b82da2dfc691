"""Parts of the work."""

import pytest

from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.shard import Shard, find_shard, parse_shard


def test_all_parts_together_are_the_whole_and_differ_by_one_item_at_most():
    for count in (1, 2, 3, 8, 20):
        parts = [Shard(index, count).take(range(13)) for index in range(1, count + 1)]
        assert sorted(item for part in parts for item in part) == list(range(13))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_texts_of_parts():
    assert parse_shard("2/8") == Shard(2, 8)
    assert str(parse_shard(" 02/8 ")) == "2/8"
    assert find_shard(None) is None
    for text in ("0/8", "9/8", "8", "1/0", "-1/8", "1/8/2", "1.0/8", "a/b", "", "1/99999999"):
        with pytest.raises(ValueProblemError, match="no part of the work"):
            parse_shard(text)
