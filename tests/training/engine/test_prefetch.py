"""Batches made ahead: the same ones in the same order for any number of threads, and on any device."""

import threading

import numpy as np
import pytest
import torch

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, Sampling, gather
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.training.engine.prefetch import Prefetch


@pytest.mark.parametrize("workers", [0, 2, 4])
def test_the_order_is_that_of_the_steps(workers):
    later = threading.Event()

    def make(step):
        if step == 5 and workers > 1:
            assert later.wait(10)  # a later batch is ready first
        if step == 6:
            later.set()
        return step

    with Prefetch(make, 5, workers) as batches:
        assert [batches.take() for _ in range(6)] == list(range(5, 11))


def test_batches_are_made_on_one_core_each_and_the_network_keeps_all():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Prefetch(lambda step: torch.get_num_threads(), 0, 2) as batches:
            assert [batches.take() for _ in range(4)] == [1] * 4
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_goes_wrong_in_a_thread_is_raised_where_its_batch_is_taken():
    def make(step):
        if step == 2:
            raise ValueError("crop 17")
        return step

    with Prefetch(make, 0, 2) as batches:
        assert [batches.take(), batches.take()] == [0, 1]
        with pytest.raises(ValueError, match="crop 17"):
            batches.take()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_batches_from_crops_held_on_the_device_are_the_same(small_pack, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with Pack(small_pack) as pack:
        table = FrameTable(pack, "train")
        crops = pack.decode_all()
        draw = table.draw(Sampling(8, 2), 3)
        ends = np.array([frames[index] for frames in table.frames.values() for index in (0, -1)])
        draw = Draw(draw.reference, np.concatenate([draw.target, ends]), np.concatenate([draw.mismatched, ends]))
        plain = gather(crops, table, draw)
        held = gather(torch.from_numpy(crops).to(device), table, draw, device if device != "cpu" else "cpu:0")
    assert all((one == other.cpu()).all() for one, other in zip(plain, held, strict=True))
