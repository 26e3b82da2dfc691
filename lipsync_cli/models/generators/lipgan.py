"""LipGAN's generator and critic, with the parameter counts that Liljegren and Nordqvist (Lund 2021, 2021:E33) state.

LipGAN (KR et al. 2019, "Towards Automatic Face-to-Face Translation") in the thesis's PyTorch form: the generator has
37,087,763 trainable parameters, the critic 10,337,152. The counts, the thesis's text and LipGAN's code together leave
the place of about three layers open (several tables of equal cost exist); the tables below are this project's choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.models.mel_shape import MEL_SHAPE, MelShape, check_mel_shape, shrink

SIZE = 96  # pixels, of LipGAN's crops
WIDTH = 32  # channels of LipGAN's first layer
BATCH_NORM_MOMENTUM = 0.2  # Keras counts the other way round: its momentum of 0.8 keeps 0.8 of the old statistics

_Size = int | tuple[int, int]
_SPEECH_STRIDES: tuple[MelShape, ...] = ((3, 3), (3, 1), (3, 3))  # of the audio encoders: 80 x 27 to 3 x 3


class LipGANGenerator(nn.Module):
    """Draw a face whose mouth fits the speech, from a reference face and the target's upper half.

    Face encoder (96 x 96 x 6 to 1 x 1 x 512) and audio encoder (80 x 27 to 1 x 1 x 512) meet in a decoder of transposed
    convolutions; after each of its six stages the face encoder's features of the same resolution are joined (skips).
    Every layer is a convolution with bias, batch normalisation and ReLU; a residual layer adds its input before the
    ReLU (one convolution each, not Keras LipGAN's two: only so the thesis's count comes out).

    A larger crop keeps this table: the unpadded layers on either side of the 1 x 1 bottleneck span what is left (3 x 3
    for 96, 4 x 4 for 128), and what would be more than 5 x 5 is halved before and doubled after, with a skip (192).

    Parameters
    ----------
    size : side S of the square crop in pixels, see `find_bottleneck`
    width : channels of the first layer; all others are multiples of it
    mel_shape : bands M and frames T of the windows that it hears; the audio encoder's last layer spans what is left

    Raises
    ------
    ValueError : for a size or a window that does not fit
    """

    def __init__(self, size: int = SIZE, width: int = WIDTH, mel_shape: Sequence[int] = MEL_SHAPE) -> None:
        super().__init__()
        self.size, self.mel_shape = size, check_mel_shape(mel_shape)
        side, halvings = find_bottleneck(size)
        c1, c2, c3, c4, c5 = (width * 2**n for n in range(5))  # 32, 64, 128, 256, 512
        self.face_encoder = nn.ModuleList(
            [
                _stage(_Layer(6, c1)),  # 96 x 96
                *(_stage(_Layer(c1, c1, stride=2)) for _ in range(halvings)),
                _stage(_Layer(c1, c2, kernel=4, stride=2), residuals=2),  # 48 x 48
                _stage(_Layer(c2, c3, stride=2), residuals=3),  # 24 x 24
                _stage(_Layer(c3, c4, stride=2), residuals=2),  # 12 x 12
                _stage(_Layer(c4, c5, stride=2), residuals=2),  # 6 x 6
                _stage(_Layer(c5, c5, stride=2)),  # 3 x 3
                _stage(_Layer(c5, c5, kernel=side, padding=0)),  # 1 x 1
            ]
        )
        self.audio_encoder = nn.Sequential(
            _stage(_Layer(1, c1), residuals=2),  # 80 x 27
            _stage(_Layer(c1, c2, stride=3), residuals=2),  # 27 x 9
            _stage(_Layer(c2, c3, stride=(3, 1)), residuals=2),  # 9 x 9
            _stage(_Layer(c3, c4, stride=3), residuals=2),  # 3 x 3
            _Layer(c4, c5),  # 3 x 3
            _Layer(c5, c5, kernel=shrink(mel_shape, *_SPEECH_STRIDES), padding=0),  # 1 x 1
        )
        self.decoder = nn.ModuleList(
            [
                _stage(_UpLayer(2 * c5, c5, kernel=side, padding=0, output_padding=0)),  # 3 x 3
                _stage(_UpLayer(c5 + c5, c5), residuals=2),  # 6 x 6
                _stage(_UpLayer(c5 + c5, c4), residuals=2),  # 12 x 12
                _stage(_UpLayer(c4 + c4, c3), residuals=2),  # 24 x 24
                _stage(_UpLayer(c3 + c3, c2), residuals=2),  # 48 x 48
                _stage(_UpLayer(c2 + c2, c1)),  # 96 x 96
                *(_stage(_UpLayer(c1 + c1, c1)) for _ in range(halvings)),
            ]
        )
        last = max(1, width // 2)
        self.output = nn.Sequential(_Layer(c1 + c1, last), _Layer(last, last), nn.Conv2d(last, 3, 1), nn.Sigmoid())

    def forward(self, reference: Tensor, target: Tensor, mel: Tensor) -> GeneratorResult:
        """Draw the targets' faces, saying what the mels say.

        Parameters
        ----------
        reference : shape (R, 3, S, S), RGB in [0, 1]; each serves B / R targets in a row
        target : shape (B, 3, S, S), RGB in [0, 1]; its lower half is blanked here, whatever it holds
        mel : shape (B, 1, M, T)

        Returns
        -------
        `GeneratorResult` with the whole crop drawn anew: image of shape (B, 3, S, S), no flow, mask or patch

        Notes
        -----
        LipGAN's order of the six channels: the reference first, the blanked target second (Wav2Lip turns it round).
        """
        half = self.size // 2
        blanked = functional.pad(target[:, :, :half], (0, 0, 0, self.size - half))
        reference = reference.repeat_interleave(target.shape[0] // reference.shape[0], dim=0)
        features = torch.cat([reference, blanked], dim=1)
        skips = []
        for stage in self.face_encoder:
            features = stage(features)
            skips.append(features)
        features = torch.cat([skips.pop(), self.audio_encoder(mel)], dim=1)
        for stage in self.decoder:
            features = torch.cat([skips.pop(), stage(features)], dim=1)
        return GeneratorResult(self.output(features))


class LipGANCritic(nn.Module):
    """Judge whether a face is real and fits the speech: two encoders into one space, close together for a match.

    Every layer is a convolution with bias, instance normalisation without parameters and leaky ReLU (0.2); the last
    layer of each branch is the convolution alone, because there is nothing to normalise over on a 1 x 1 map. LipGAN's
    Keras code normalises over the whole sample instead (the default of its library's instance normalisation).

    Parameters
    ----------
    size : side S of the square crop in pixels, see `find_bottleneck`
    width : half the channels of the first layer of the face's branch; all others are multiples of it
    mel_shape : bands M and frames T of the windows that it hears

    Raises
    ------
    ValueError : for a size or a window that does not fit
    """

    def __init__(self, size: int = SIZE, width: int = WIDTH, mel_shape: Sequence[int] = MEL_SHAPE) -> None:
        super().__init__()
        side, halvings = find_bottleneck(size)
        c1, c2, c3, c4, c5 = (width * 2**n for n in range(5))  # 32, 64, 128, 256, 512
        self.face_encoder = nn.Sequential(
            _CriticLayer(3, c2, kernel=7, stride=2),  # 48 x 48
            *(_CriticLayer(c2, c2, stride=2) for _ in range(halvings)),
            _CriticLayer(c2, c3, kernel=5, stride=2),  # 24 x 24
            _CriticLayer(c3, c4, stride=2),  # 12 x 12
            _CriticLayer(c4, c5, stride=2),  # 6 x 6
            _CriticLayer(c5, c5, stride=2),  # 3 x 3
            nn.Conv2d(c5, c5, side),  # 1 x 1
            nn.Flatten(),
        )
        self.audio_encoder = nn.Sequential(
            _CriticLayer(1, c1),  # 80 x 27
            _CriticLayer(c1, c2, stride=3),  # 27 x 9
            _CriticLayer(c2, c3, stride=(3, 1)),  # 9 x 9
            _CriticLayer(c3, c4, stride=3),  # 3 x 3
            _CriticLayer(c4, c5),  # 3 x 3
            nn.Conv2d(c5, c5, shrink(mel_shape, *_SPEECH_STRIDES)),  # 1 x 1
            nn.Flatten(),
        )

    def forward(self, face: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embed faces and speech; see `distance` for what to do with the two.

        Parameters
        ----------
        face : shape (B, 3, S, S), RGB in [0, 1]
        mel : shape (B, 1, M, T)

        Returns
        -------
        face embedding and speech embedding, each of shape (B, 16 width), not normalised
        """
        return self.face_encoder(face), self.audio_encoder(mel)


def find_bottleneck(size: int) -> tuple[int, int]:
    """Say how LipGAN's table is laid out for a crop: the side of the last map before 1 x 1, and further halvings.

    Returns
    -------
    (3, 0) for 96, (4, 0) for 128, (3, 1) for 192

    Raises
    ------
    ValueError : for a side that is none of 64, 96, 128 and 160 times a power of two
    """
    side, halvings = size // 32, 0
    while side > 5 and side % 2 == 0:
        side, halvings = side // 2, halvings + 1
    if size % 32 or not 2 <= side <= 5:
        raise ValueError(f"LipGAN's layers fit crops of 96, 128, 160, 192 or 256 pixels, not {size}")
    return side, halvings


def distance(face_embedding: Tensor, mel_embedding: Tensor) -> Tensor:
    """Measure how far face and speech are apart: LipGAN's d, between embeddings brought to unit length.

    Parameters
    ----------
    face_embedding, mel_embedding : shape (B, D), as `LipGANCritic` gives them

    Returns
    -------
    shape (B,), Euclidean, in [0, 2]: 0 = they match, sqrt(2) = unrelated directions
    """
    face, speech = functional.normalize(face_embedding), functional.normalize(mel_embedding)
    return torch.linalg.vector_norm(face - speech, dim=1)


class _Layer(nn.Module):
    """Convolution with bias, batch normalisation, ReLU; `residual` adds the input before the ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: _Size = 3,
        stride: _Size = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, padding)
        self.norm = nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return functional.relu(y + x if self.residual else y)


class _UpLayer(nn.Module):
    """Transposed convolution with bias, batch normalisation, ReLU: doubles the side, or makes `kernel` of 1."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int = 3, padding: int = 1, output_padding: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels, kernel, 2, padding, output_padding)
        self.norm = nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)))


class _CriticLayer(nn.Module):
    """Convolution with bias, instance normalisation without parameters, leaky ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3, stride: _Size = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(x)), 0.2)


def _stage(first: _Layer | _UpLayer, residuals: int = 0) -> nn.Sequential:
    """One resolution: a layer that reaches it, then residual layers that keep it."""
    channels = first.norm.num_features
    return nn.Sequential(first, *(_Layer(channels, channels, residual=True) for _ in range(residuals)))
