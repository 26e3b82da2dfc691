"""A lip reader for the sentences of GRID: which word this mouth says between two moments.

A word is read from its span of frames and some on either side, as by Wand, Koutnik and Schmidhuber 2016 ("Lipreading
with long short-term memory"), among the words of its place in GRID's grammar (Cooke et al. 2006): command, colour,
preposition, letter, digit, adverb.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOTS: dict[str, tuple[str, ...]] = {
    "command": ("bin", "lay", "place", "set"),
    "colour": ("blue", "green", "red", "white"),
    "preposition": ("at", "by", "in", "with"),
    "letter": tuple("abcdefghijklmnopqrstuvxyz"),  # without w, the only one of three syllables
    "digit": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "adverb": ("again", "now", "please", "soon"),
}
VOCABULARY = tuple(word for words in SLOTS.values() for word in words)
SLOT_OF = tuple(slot for slot, words in enumerate(SLOTS.values()) for _ in words)  # of each word of VOCABULARY
FPS = 25.0  # frames a second that the reader is shown
CONTEXT = 6  # frames that it sees before and after a word, at most
POINTS = 8  # moments of a word that are compared
SHRINK = 2  # crops are made so many times smaller
MARGIN = 1.0  # frames by which these reach over the word's ends


class LipReader(nn.Module):
    """Say how well each word of GRID fits what a mouth does in given spans of time.

    Nothing but the mouth and the chin are seen, grey, their mean and deviation over the clip taken out. A span is read
    at equally spaced moments, whatever its length, and the edges in time are repeated: how long a word takes, which a
    transcript knows before anybody looks, tells nothing of a mouth that stands still.

    Parameters
    ----------
    size : side S of the square crop in pixels, a multiple of 32
    channels : of the picture encoder
    features : of a moment
    dropout : of a word's features, in training
    """

    def __init__(
        self, size: int = 96, channels: tuple[int, int] = (16, 48), features: int = 128, dropout: float = 0.4
    ) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"the crop's side must be a multiple of 32, not {size}")
        self.size = size
        c1, c2 = channels
        self.looks = nn.Sequential(
            nn.Conv2d(3, c1, 5, 2, 2, bias=False),  # of a picture and its neighbours in time
            _norm(c1),
            nn.SiLU(),
            nn.Conv2d(c1, c2, 3, 2, 1, bias=False),
            _norm(c2),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d((6, 6)),  # what a crop of 96 x 96 has here
            nn.Flatten(),
            nn.Linear(c2 * 36, features),
            nn.LayerNorm(features),
        )
        self.moves = nn.ModuleList(_Step(features, dilation) for dilation in (1, 2))
        self.dropout = nn.Dropout(dropout)
        self.word = nn.Linear(features * POINTS, 2 * features)
        self.verdict = nn.Linear(2 * features, len(VOCABULARY))

    def forward(self, mouths: Tensor, spans: Tensor) -> Tensor:
        """Read words.

        Parameters
        ----------
        mouths : shape (B, T, S / 4, S / 4), grey in [0, 1], of consecutive crops, 25 a second, made `SHRINK` times
            smaller; see `mouth_of`
        spans : shape (B, K, 2), first and last moment of each word, in frames: frame n lasts from n to n + 1

        Returns
        -------
        shape (B, K, 51), logits of the words of `VOCABULARY`
        """
        features = self.encode(mouths)
        edges = spans + torch.tensor([-MARGIN, MARGIN], device=spans.device)
        steps = torch.linspace(0, 1, POINTS, device=spans.device)
        moments = edges[..., :1] + steps * (edges[..., 1:] - edges[..., :1]) - 0.5  # of the frames' middles
        moments = moments.clamp(0, features.shape[1] - 1)
        before = moments.floor().long().clamp(max=max(0, features.shape[1] - 2))
        share = (moments - before)[..., None]
        batch = torch.arange(len(features), device=features.device)[:, None, None]
        after = (before + 1).clamp(max=features.shape[1] - 1)
        read = features[batch, before] * (1 - share) + features[batch, after] * share
        return self.verdict(functional.silu(self.word(self.dropout(read.flatten(2)))))

    def encode(self, mouths: Tensor) -> Tensor:
        """Describe what the mouth does at each moment: shape (B, T, S / 4, S / 4) to (B, T, features)."""
        deviation, mean = torch.std_mean(mouths, dim=(1, 2, 3), keepdim=True)
        looks = (mouths - mean) / (deviation + 0.02)
        wide = torch.cat([looks[:, :1], looks, looks[:, -1:]], 1)
        pictures = torch.stack([wide[:, :-2], wide[:, 1:-1], wide[:, 2:]], 2).flatten(0, 1)
        described = self.looks(pictures).view(*mouths.shape[:2], -1).transpose(1, 2)
        for move in self.moves:
            described = move(described)
        return described.transpose(1, 2)


def mouth_of(size: int) -> tuple[slice, slice]:
    """Give rows and columns of a picture that a reader sees: its lower half, without a quarter on each side."""
    return slice(size // 2, size), slice(size // 4, size // 4 + size // 2)


def log_shares(logits: Tensor, words: Tensor) -> Tensor:
    """Give the log probabilities of all words among those of the right word's slot.

    Parameters
    ----------
    logits : shape (..., 51), from a `LipReader`
    words : shape (...), the right words' places in `VOCABULARY`

    Returns
    -------
    shape (..., 51); words of other slots have minus infinity
    """
    slot_of = torch.tensor(SLOT_OF, device=logits.device)
    others = slot_of != slot_of[words][..., None]
    return functional.log_softmax(logits.float().masked_fill(others, -torch.inf), -1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // 12), channels)


class _Step(nn.Module):
    """A convolution over time and a shortcut; the edges are repeated."""

    def __init__(self, features: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(features)
        self.conv = nn.Conv1d(features, features, 3, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x.transpose(1, 2)).transpose(1, 2)
        padded = functional.pad(functional.silu(normed), (self.dilation, self.dilation), mode="replicate")
        return x + self.conv(padded)
