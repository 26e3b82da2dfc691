"""The temporal GAN's generator: a still, a voice and noise to a talking head (Vougioukas, Petridis and Pantic 2019).

"Realistic Speech-Driven Facial Animation with GANs", IJCV. The layers are those of the published inference code
(DinoMan/speech-driven-animation), which leaves 55,273,572 parameters: sound 1,490,896, identity 12,721,024, frames with
the noise's GRU 41,061,652.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.generators.mean_face import MEAN_FACE
from lipsync_cli.models.speech_encoder import FeatureEmbedder

WINDOW = 3200  # samples of 16 kHz around a frame: 0.2 s
SOUND_DIM, IDENTITY_DIM, NOISE_DIM = 256, 128, 10
NOISE_DEVIATION = 0.33
SOUND, ENCODER = SPEECH_INPUTS = ("sound", "encoder")


class Identity(NamedTuple):
    """What is taken of R stills, once for a whole film.

    Attributes
    ----------
    code : shape (R, 128)
    maps : of 64, 128, 256, 512 and 1024 channels (times the width), each half as wide as the one before
    """

    code: Tensor
    maps: list[Tensor]


class State(NamedTuple):
    """Where the two GRUs stand between two pieces of a film.

    Attributes
    ----------
    sound : shape (2, R, 256)
    noise : shape (1, R, 10)
    """

    sound: Tensor
    noise: Tensor


class TemporalGenerator(nn.Module):
    """Draw a talking head: identity encoder and frame decoder with skips, between them a voice and noise over time.

    Parameters
    ----------
    width : of the published channels of identity encoder and frame decoder; sound and noise are never narrower
    speech : "sound" hears windows (B, 3200) of 16 kHz, as published; "encoder" windows (B, 21, 384) of speech features
    size : side of the crops that its faces were cut out of in training; what it draws does not depend on it

    Attributes
    ----------
    mean_face : shape (5, 2), the places in pixels that eyes and nose of each face are brought to

    Raises
    ------
    ValueError : a width that leaves no channel, or another kind of speech
    """

    mean_face: Tensor

    def __init__(self, width: float = 1.0, speech: str = SOUND, size: int = 96) -> None:
        super().__init__()
        if not 1 / 16 <= width <= 2:
            raise ValueError(f"the width is between 0.0625 and 2, not {width}")
        if speech not in SPEECH_INPUTS:
            raise ValueError(f"the speech is one of {', '.join(SPEECH_INPUTS)}, not {speech!r}")
        self.width, self.speech, self.size = width, speech, size
        self.register_buffer("mean_face", torch.tensor(MEAN_FACE))
        channels = [max(1, round(count * width)) for count in (64, 128, 256, 512, 1024)]
        self.audio_encoder = SoundEncoder() if speech == SOUND else FeatureEncoder()
        self.audio_memory = nn.GRU(SOUND_DIM, SOUND_DIM, 2, batch_first=True)
        self.identity_encoder = IdentityEncoder(channels)
        self.noise_memory = nn.GRU(NOISE_DIM, NOISE_DIM, batch_first=True)
        self.frame_decoder = FrameDecoder(channels)

    def forward(self, still: Tensor, speech: Tensor, noise: Tensor) -> Tensor:
        """Draw runs of consecutive frames, each from its beginning.

        Parameters
        ----------
        still : shape (R, 3, 128, 96), RGB in [0, 1]; each serves B / R consecutive frames
        speech : shape (B, 3200) in [-1, 1], or (B, 21, 384), one window a frame
        noise : shape (B, 10)

        Returns
        -------
        shape (B, 3, 128, 96), RGB in [0, 1]
        """
        return self.draw(self.identify(still), speech, noise)[0]

    def identify(self, still: Tensor) -> Identity:
        """Look at stills; see `forward`."""
        return self.identity_encoder(2 * still - 1)

    def draw(
        self, identity: Identity, speech: Tensor, noise: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Draw the next frames of a film of each still.

        Parameters
        ----------
        speech, noise : as of `forward`
        state : what the piece before returned; None: the films begin

        Returns
        -------
        frames as of `forward`, and the state for the next piece
        """
        runs = len(identity.code)
        heard, sound_state = self.audio_memory(
            self.audio_encoder(speech).unflatten(0, (runs, -1)), None if state is None else state.sound
        )
        moved, noise_state = self.noise_memory(noise.unflatten(0, (runs, -1)), None if state is None else state.noise)
        code = identity.code[:, None].expand(-1, heard.shape[1], -1)
        latent = torch.cat([heard, code, torch.tanh(moved)], 2).flatten(0, 1)
        frames = self.frame_decoder(latent, identity.maps)
        return (frames + 1) / 2, State(sound_state, noise_state)


class SoundEncoder(nn.Module):
    """Windows of 0.2 s to 256 numbers: (B, 3200) to (B, 256); the first kernel is 5 ms long, its stride 1 ms."""

    def __init__(self) -> None:
        super().__init__()
        table = [(1, 16, 80, 16, 32), (16, 32, 4, 2, 1), (32, 64, 4, 2, 1), (64, 128, 4, 2, 1), (128, 256, 10, 5, 3)]
        layers: list[nn.Module] = []
        for channels_in, channels, kernel, stride, padding in table:
            layers += [nn.Conv1d(channels_in, channels, kernel, stride, padding), nn.BatchNorm1d(channels), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Conv1d(256, SOUND_DIM, 5), nn.Tanh())

    def forward(self, sound: Tensor) -> Tensor:
        """Encode windows."""
        return self.body(sound[:, None])[:, :, 0]


class FeatureEncoder(FeatureEmbedder):
    """Windows of speech features to 256 numbers: (B, 21, 384) to (B, 256)."""

    def __init__(self) -> None:
        super().__init__(SOUND_DIM)

    def forward(self, features: Tensor) -> Tensor:
        """Encode windows."""
        return torch.tanh(super().forward(features))


class IdentityEncoder(nn.Module):
    """A face to 128 numbers and the maps that the decoder is shown again."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(first, second, 4, 2, 1, bias=False), nn.BatchNorm2d(second), nn.ReLU())
            for first, second in zip([3, *channels], channels, strict=False)
        )
        self.last = nn.Conv2d(channels[-1], IDENTITY_DIM, (4, 3), bias=False)

    def forward(self, face: Tensor) -> Identity:
        """Encode faces (R, 3, 128, 96) in [-1, 1]."""
        maps = []
        for stage in self.stages:
            face = stage(face)
            maps.append(face)
        return Identity(torch.tanh(self.last(face))[:, :, 0, 0], maps)


class FrameDecoder(nn.Module):
    """Latent numbers (B, 394) to frames (B, 3, 128, 96) in [-1, 1], with the identity's maps joined at four sizes."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        latent = SOUND_DIM + IDENTITY_DIM + NOISE_DIM
        self.first = nn.Sequential(
            nn.ConvTranspose2d(latent, channels[-1], (4, 3), bias=False), nn.BatchNorm2d(channels[-1]), nn.ReLU()
        )
        pairs = list(zip(channels[:0:-1], channels[-2::-1], strict=True))  # 1024 to 512, ..., 128 to 64
        self.blocks = nn.ModuleList(_Block(count, half) for count, half in pairs)
        self.last = nn.ConvTranspose2d(channels[0], 3, 4, 2, 1, bias=False)

    def forward(self, latent: Tensor, maps: list[Tensor]) -> Tensor:
        """Draw frames; each still's maps serve as many consecutive ones."""
        frame = self.first(latent[:, :, None, None])
        for block, joined in zip(self.blocks, reversed(maps), strict=False):
            frame = block(frame, joined)
        return torch.tanh(self.last(frame))


class _Block(nn.Module):
    """Join the identity's map, look at both, and double the size."""

    def __init__(self, channels: int, channels_out: int) -> None:
        super().__init__()
        self.join = nn.ConvTranspose2d(2 * channels, channels, 3, 1, 1, bias=False)
        self.join_norm = nn.BatchNorm2d(channels)
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(channels, channels_out, 4, 2, 1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
        )

    def forward(self, frame: Tensor, joined: Tensor) -> Tensor:
        """Run a block; the share of the identity's map is computed once for all frames of a still."""
        own, identity = self.join.weight.split(frame.shape[1], 0)
        share = functional.conv_transpose2d(joined, identity, padding=1).repeat_interleave(len(frame) // len(joined), 0)
        mixed = functional.conv_transpose2d(frame, own, padding=1) + share
        return self.grow(functional.relu(self.join_norm(mixed)))
