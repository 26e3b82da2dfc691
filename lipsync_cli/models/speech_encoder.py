"""The audio encoder of Whisper: log-mel frames in, features of what is said out, whoever says it.

Radford, Kim, Xu, Brockman, McLeavey, Sutskever 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"
(section 2.2): two convolutions over time, sinusoidal positions, pre-norm Transformer blocks (Vaswani et al. 2017).
Names of the parameters are those of https://github.com/openai/whisper.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURE_DIM, FEATURE_WINDOW = 384, 21  # of `speech.speech_features`
DROPOUT = 0.3  # between the layers of the embedder, in training
MASKED = 0.15  # share of the features that are hidden in training: two dozen people are few, and are learned by heart


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
        x = functional.gelu(self.conv1(mel))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        if x.shape[1] > len(self.positional_embedding):
            raise ValueError(f"{x.shape[1]} frames at once, the encoder has {len(self.positional_embedding)} positions")
        x = x + self.positional_embedding[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return x


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

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        y = functional.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)))
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = _Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_ln(x))
        return x + self.mlp(self.mlp_ln(x))
