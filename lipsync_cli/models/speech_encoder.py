"""The audio encoder of Whisper: log-mel frames in, features of what is said out, whoever says it.

Radford, Kim, Xu, Brockman, McLeavey, Sutskever 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"
(section 2.2): two convolutions over time, sinusoidal positions, pre-norm Transformer blocks (Vaswani et al. 2017).
Names of the parameters are those of https://github.com/openai/whisper.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURE_DIM, FEATURE_WINDOW = 384, 21  # of `speech.speech_features`
DROPOUT = 0.3  # between the layers of the embedder, in training
EDGE = 2  # frames before others that the convolutions need rows of
MASKED = 0.15  # share of the features that are hidden in training: two dozen people are few, and are learned by heart

_KeysValues = tuple[Tensor, Tensor]  # of a block, shape (B, heads, T, D / heads) each


class SpeechEncoder(nn.Module):
    """The first blocks of Whisper's audio encoder, without its last normalisation.

    Parameters
    ----------
    n_mels : bands of the spectrogram
    width : D, features at each moment
    heads : of the attention
    layers : blocks; the encoder of tiny.en has 4
    positions : longest input, in output frames
    """

    def __init__(
        self, n_mels: int = 80, width: int = 384, heads: int = 6, layers: int = 3, positions: int = 1500
    ) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv1d(n_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding: Tensor
        self.register_buffer("positional_embedding", torch.zeros(positions, width))
        self.blocks = nn.ModuleList([_Block(width, heads) for _ in range(layers)])

    def forward(self, mel: Tensor) -> Tensor:
        """Encode log-mels.

        Parameters
        ----------
        mel : shape (B, 80, T), scaled as `speech.speech_features.whisper_mel` does, 100 frames a second

        Returns
        -------
        shape (B, (T + 1) // 2, D), 50 frames a second: the residual stream after the last block

        Raises
        ------
        ValueError : the sound is longer than the encoder has positions
        """
        x = self.convolve(mel)
        if x.shape[1] > len(self.positional_embedding):
            raise ValueError(f"{x.shape[1]} frames at once, the encoder has {len(self.positional_embedding)} positions")
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return x

    def convolve(self, mel: Tensor) -> Tensor:
        """Map log-mels (B, 80, T) to what the blocks are given before positions are added: (B, (T + 1) // 2, D)."""
        x = functional.gelu(self.conv1(mel))
        return functional.gelu(self.conv2(x)).transpose(1, 2)


class EncoderStream:
    """A speech encoder that is given sound as it comes, and computes anew only what the new sound changes.

    Keys and values of earlier frames stay as they were when these were last asked for, so that the blocks see them
    without computing them again (as in decoders: Vaswani et al. 2017, section 3.2.3).

    Parameters
    ----------
    network : in evaluation mode
    kept : frames before those that are asked for, that they see
    earliest : the first frame of all
    """

    def __init__(self, network: SpeechEncoder, kept: int, earliest: int = 0) -> None:
        self._network, self._kept, self._earliest = network, kept, earliest
        self._base = self._begin = self._end = 0  # frame of position 0, and frames whose keys and values are known
        self._known: list[_KeysValues] = []

    def encode(self, first: int, stop: int, read: Callable[[int, int], Tensor]) -> Tensor:
        """Encode the frames `first` ... `stop - 1`.

        Parameters
        ----------
        first, stop : in frames; `first` does not fall from call to call
        read : gives the log-mel rows (n, 80) from one to before another, two a frame, negative ones too

        Returns
        -------
        shape (stop - first, D)
        """
        network = self._network
        oldest, start = max(self._earliest, first - self._kept), min(first, self._end)
        has_room = stop - self._base <= len(network.positional_embedding)
        if not (self._known and has_room and start >= max(oldest, self._begin)):
            start = self._base = self._begin = oldest
            self._known = []
        rows = read(2 * (start - EDGE), 2 * stop).T[None]
        x = network.convolve(rows)[:, EDGE:] + network.positional_embedding[start - self._base : stop - self._base]
        dropped, left = max(0, start - self._kept - self._begin), start - self._begin
        known: list[_KeysValues] = []
        for number, block in enumerate(cast("list[_Block]", network.blocks)):
            before = None
            if self._known:
                keys, values = self._known[number]
                before = keys[:, :, dropped:left], values[:, :, dropped:left]
            x, now = block.continue_from(x, before)
            known.append(now)
        self._known, self._begin, self._end = known, self._begin + dropped, stop
        return x[0, first - start :]


class FeatureEmbedder(nn.Module):
    """Embed windows of speech features (B, 21, 384) by three convolutions over time: shape (B, audio_dim).

    Each feature is standardised first, by a mean and a deviation that belong to the weights.
    """

    def __init__(self, audio_dim: int, channels: int = 160, kernel: int = 5) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(FEATURE_DIM))
        self.register_buffer("deviation", torch.ones(FEATURE_DIM))
        widths = [FEATURE_DIM, channels, channels, channels]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(inner, outer, kernel), nn.SiLU(), nn.Dropout(DROPOUT))
                for inner, outer in pairwise(widths)
            )
        )
        self.masking = nn.Dropout1d(MASKED)
        left = FEATURE_WINDOW - 3 * (kernel - 1)
        self.out = nn.Linear(channels * left, audio_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Embed windows (B, 21, 384) of features: shape (B, audio_dim)."""
        x = (features - self.mean) / self.deviation
        return self.out(self.layers(self.masking(x.transpose(1, 2))).flatten(1))

    def embed_sequence(self, features: Tensor) -> Tensor:
        """Embed every window of sequences (B, T, 384): shape (B, T - 20, audio_dim), as `forward` does each of them."""
        x = self.layers(self.masking(((features - self.mean) / self.deviation).transpose(1, 2)))
        weight = self.out.weight.view(len(self.out.weight), x.shape[1], -1)
        return functional.conv1d(x, weight, self.out.bias).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, before: _KeysValues | None = None) -> tuple[Tensor, _KeysValues]:
        """Attend to x (B, T, D) and to keys and values (B, heads, T', D / heads) before it; return those of all."""
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        keys, values = split(self.key(x)), split(self.value(x))
        if before is not None:
            keys, values = torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2)
        y = functional.scaled_dot_product_attention(split(self.query(x)), keys, values)
        return self.out(y.transpose(1, 2).reshape(batch, length, width)), (keys, values)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = _Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.continue_from(x, None)[0]

    def continue_from(self, x: Tensor, before: _KeysValues | None) -> tuple[Tensor, _KeysValues]:
        """Map x (B, T, D), which follows what some keys and values are of; return those of all, too."""
        attended, known = self.attn(self.attn_ln(x), before)
        x = x + attended
        return x + self.mlp(self.mlp_ln(x)), known
