"""The speech encoder on sound that comes while it is encoded, beside the whole sound at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lipsync_cli.models.speech_encoder import EncoderStream, SpeechEncoder

LENGTH = 120  # feature frames


@pytest.fixture(scope="module")
def network() -> SpeechEncoder:
    torch.manual_seed(0)
    made = SpeechEncoder(n_mels=8, width=24, heads=2, layers=3, positions=60)
    made.positional_embedding.normal_(std=0.1)
    return made.eval()


@pytest.fixture(scope="module")
def mel() -> Tensor:
    return torch.randn(2 * LENGTH, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def read(mel: Tensor) -> Callable[[int, int], Tensor]:
    def rows(first: int, stop: int) -> Tensor:
        asked.append((first, stop))
        inside = mel[max(0, first) : stop]
        return torch.cat([torch.zeros(stop - first - len(inside), 8), inside])

    asked: list[tuple[int, int]] = []
    rows.asked = asked  # type: ignore[attr-defined]
    return rows


@torch.inference_mode()
def test_first_call_is_the_encoder_on_the_whole_of_it(network: SpeechEncoder, mel: Tensor, read: Callable) -> None:
    found = EncoderStream(network, kept=50).encode(30, 40, read)
    wanted = network(torch.cat([torch.zeros(4, 8), mel[:80]]).T[None])[0]
    assert found.shape == (10, 24)
    whole = network.convolve(torch.cat([torch.zeros(4, 8), mel[:80]]).T[None])[:, 2:]
    whole = whole + network.positional_embedding[:40]
    for block in network.blocks:
        whole = block(whole)
    assert torch.allclose(found, whole[0, 30:40], atol=1e-5)
    assert torch.corrcoef(torch.stack([found.flatten(), wanted[32:42].flatten()]))[0, 1] > 0.5


@torch.inference_mode()
def test_later_calls_read_only_what_is_new(network: SpeechEncoder, read: Callable) -> None:
    stream = EncoderStream(network, kept=20)
    for first in range(20, 32, 4):
        stream.encode(first, first + 10, read)
    assert read.asked[1:] == [(2 * (24 - 2), 2 * 34), (2 * (28 - 2), 2 * 38)]


@torch.inference_mode()
def test_earlier_sound_counts_as_far_as_it_is_kept(network: SpeechEncoder, mel: Tensor, read: Callable) -> None:
    def last(changed: int, kept: int) -> Tensor:
        stream, other = EncoderStream(network, kept), mel.clone()
        other[2 * changed : 2 * changed + 2] += 3

        def rows(first: int, stop: int) -> Tensor:
            return other[first:stop]

        return [stream.encode(first, first + 4, rows) for first in range(30, 50, 4)][-1]

    near, far, same = last(44, 16), last(24, 4), last(110, 16)
    assert not torch.allclose(near, same, atol=1e-4)  # three frames before what is asked for
    assert torch.allclose(far, last(110, 4), atol=1e-6)  # no longer among those kept, nor among what they saw


@torch.inference_mode()
def test_stream_has_no_end(network: SpeechEncoder, read: Callable) -> None:
    stream = EncoderStream(network, kept=16)
    found = [stream.encode(first, first + 8, read) for first in range(16, LENGTH - 8, 4)]  # 60 positions are not enough
    begun_anew = [rows for rows in read.asked if rows[1] - rows[0] > 2 * (8 + 2)]
    assert len(begun_anew) >= 3
    assert all(torch.isfinite(each).all() for each in found)


@torch.inference_mode()
def test_gap_is_filled_or_begun_anew(network: SpeechEncoder, read: Callable) -> None:
    stream = EncoderStream(network, kept=16)
    stream.encode(16, 24, read)
    stream.encode(28, 36, read)  # 24 ... 27 were not asked for
    stream.encode(60, 68, read)  # what is known is too old
    assert read.asked[1:] == [(2 * (24 - 2), 2 * 36), (2 * (60 - 16 - 2), 2 * 68)]
