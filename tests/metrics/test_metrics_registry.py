"""The declarations of the metrics, and which are meant by a name."""

from __future__ import annotations

import pytest

from lipsync_cli.errors import UsageError
from lipsync_cli.metrics.metric import CLIP, FRAME, HIGHER, LOWER, NEAR, SET
from lipsync_cli.metrics.registry import GROUPS, find_metric_groups


def names(*wanted: str) -> list[str]:
    return [metric.name for family in find_metric_groups(wanted or None) for metric in family.metrics]


def test_every_metric_is_declared_whole_and_once() -> None:
    families = find_metric_groups(["all"])
    metrics = [metric for family in families for metric in family.metrics]
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert metric.name.isidentifier()
        assert metric.name.islower()
        assert metric.group in GROUPS
        assert metric.per in (FRAME, CLIP, SET)
        assert metric.direction in (HIGHER, LOWER, NEAR)
        assert metric.title
        assert metric.definition
        assert metric.source
    for family in families:
        assert (family.measure is None) != (family.watch is None)
        assert (family.combine is not None) == any(metric.per == SET for metric in family.metrics)


def test_metrics_are_chosen_by_name_by_group_and_by_default() -> None:
    assert names("crop_psnr") == ["crop_psnr"]
    assert names("reconstruction")[:4] == ["mouth_psnr", "mouth_ssim", "crop_psnr", "crop_ssim"]
    assert set(names("reconstruction")) <= set(names()) == set(names("standard")) <= set(names("all"))
    assert set(names("standard", "all")) == set(names("all"))


def test_what_needs_whole_frames_is_standard_only_where_there_are_some() -> None:
    without = [metric.name for family in find_metric_groups(has_frames=False) for metric in family.metrics]
    assert set(names()) - set(without) == {"frame_psnr", "frame_ssim", "box_visibility"}
    assert find_metric_groups(["frame_psnr"], has_frames=False) == find_metric_groups(["frame_psnr"])


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no metric or group is called 'psnrr'.*reconstruction: mouth_psnr"):
        find_metric_groups(["crop_psnr", "psnrr"])
