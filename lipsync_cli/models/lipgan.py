"""LipGAN's generator and critic, with the parameter counts that Liljegren and Nordqvist (Lund 2021, 2021:E33) state.

LipGAN (KR et al. 2019, "Towards Automatic Face-to-Face Translation") in the thesis's PyTorch form: the generator has
37,087,763 trainable parameters, the critic 10,337,152. The counts, the thesis's text and LipGAN's code together leave
the place of about three layers open (several tables of equal cost exist); the tables below are this project's choice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.generated import Generated

SIZE = 96  # pixels: the bottleneck is 1 x 1 for this side only
EMBEDDING_DIM = 512
BATCH_NORM_MOMENTUM = 0.2  # Keras counts the other way round: its momentum of 0.8 keeps 0.8 of the old statistics

_Stride = int | tuple[int, int]


class LipGANGenerator(nn.Module):
    """Draw a face whose mouth fits the speech, from a reference face and the target's upper half.

    Face encoder (96 x 96 x 6 to 1 x 1 x 512) and audio encoder (80 x 27 to 1 x 1 x 512) meet in a decoder of transposed
    convolutions; after each of its six stages the face encoder's features of the same resolution are joined (skips).
    Every layer is a convolution with bias, batch normalisation and ReLU; a residual layer adds its input before the
    ReLU (one convolution each, not Keras LipGAN's two: only so the thesis's count comes out).

    Parameters
    ----------
    size : side S of the square crop in pixels; the layers fit 96 only

    Raises
    ------
    ValueError : for another size
    """

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        if size != SIZE:
            raise ValueError(f"LipGAN's layers fit crops of {SIZE} x {SIZE} pixels, not {size} x {size}")
        self.size = size
        self.face_encoder = nn.ModuleList(
            [
                _stage(_Layer(6, 32)),  # 96 x 96
                _stage(_Layer(32, 64, kernel=4, stride=2), residuals=2),  # 48 x 48
                _stage(_Layer(64, 128, stride=2), residuals=3),  # 24 x 24
                _stage(_Layer(128, 256, stride=2), residuals=2),  # 12 x 12
                _stage(_Layer(256, 512, stride=2), residuals=2),  # 6 x 6
                _stage(_Layer(512, 512, stride=2)),  # 3 x 3
                _stage(_Layer(512, EMBEDDING_DIM, padding=0)),  # 1 x 1
            ]
        )
        self.audio_encoder = nn.Sequential(
            _stage(_Layer(1, 32), residuals=2),  # 80 x 27
            _stage(_Layer(32, 64, stride=3), residuals=2),  # 27 x 9
            _stage(_Layer(64, 128, stride=(3, 1)), residuals=2),  # 9 x 9
            _stage(_Layer(128, 256, stride=3), residuals=2),  # 3 x 3
            _Layer(256, 512),  # 3 x 3
            _Layer(512, EMBEDDING_DIM, padding=0),  # 1 x 1
        )
        self.decoder = nn.ModuleList(
            [
                _stage(_UpLayer(2 * EMBEDDING_DIM, 512, padding=0, output_padding=0)),  # 3 x 3
                _stage(_UpLayer(512 + 512, 512), residuals=2),  # 6 x 6
                _stage(_UpLayer(512 + 512, 256), residuals=2),  # 12 x 12
                _stage(_UpLayer(256 + 256, 128), residuals=2),  # 24 x 24
                _stage(_UpLayer(128 + 128, 64), residuals=2),  # 48 x 48
                _stage(_UpLayer(64 + 64, 32)),  # 96 x 96
            ]
        )
        self.output = nn.Sequential(_Layer(32 + 32, 16), _Layer(16, 16), nn.Conv2d(16, 3, 1), nn.Sigmoid())

    def forward(self, reference: Tensor, target: Tensor, mel: Tensor) -> Generated:
        """Draw the targets' faces, saying what the mels say.

        Parameters
        ----------
        reference : shape (R, 3, 96, 96), RGB in [0, 1]; each serves B / R targets in a row
        target : shape (B, 3, 96, 96), RGB in [0, 1]; its lower half is blanked here, whatever it holds
        mel : shape (B, 1, 80, 27)

        Returns
        -------
        `Generated` with the whole crop drawn anew: image of shape (B, 3, 96, 96), no flow, mask or patch

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
        return Generated(self.output(features))


class LipGANCritic(nn.Module):
    """Judge whether a face is real and fits the speech: two encoders into one space, close together for a match.

    Every layer is a convolution with bias, instance normalisation without parameters and leaky ReLU (0.2); the last
    layer of each branch is the convolution alone, because there is nothing to normalise over on a 1 x 1 map. LipGAN's
    Keras code normalises over the whole sample instead (the default of its library's instance normalisation).
    """

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder = nn.Sequential(
            _CriticLayer(3, 64, kernel=7, stride=2),  # 48 x 48
            _CriticLayer(64, 128, kernel=5, stride=2),  # 24 x 24
            _CriticLayer(128, 256, stride=2),  # 12 x 12
            _CriticLayer(256, 512, stride=2),  # 6 x 6
            _CriticLayer(512, 512, stride=2),  # 3 x 3
            nn.Conv2d(512, EMBEDDING_DIM, 3),  # 1 x 1
            nn.Flatten(),
        )
        self.audio_encoder = nn.Sequential(
            _CriticLayer(1, 32),  # 80 x 27
            _CriticLayer(32, 64, stride=3),  # 27 x 9
            _CriticLayer(64, 128, stride=(3, 1)),  # 9 x 9
            _CriticLayer(128, 256, stride=3),  # 3 x 3
            _CriticLayer(256, 512),  # 3 x 3
            nn.Conv2d(512, EMBEDDING_DIM, 3),  # 1 x 1
            nn.Flatten(),
        )

    def forward(self, face: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embed faces and speech; see `distance` for what to do with the two.

        Parameters
        ----------
        face : shape (B, 3, 96, 96), RGB in [0, 1]
        mel : shape (B, 1, 80, 27)

        Returns
        -------
        face embedding and speech embedding, each of shape (B, 512), not normalised
        """
        return self.face_encoder(face), self.audio_encoder(mel)


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
        kernel: int = 3,
        stride: _Stride = 1,
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
    """Transposed convolution with bias, batch normalisation, ReLU: doubles the side, or makes 3 of 1 unpadded."""

    def __init__(self, channels_in: int, channels: int, padding: int = 1, output_padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels, 3, 2, padding, output_padding)
        self.norm = nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)))


class _CriticLayer(nn.Module):
    """Convolution with bias, instance normalisation without parameters, leaky ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3, stride: _Stride = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(x)), 0.2)


def _stage(first: _Layer | _UpLayer, residuals: int = 0) -> nn.Sequential:
    """One resolution: a layer that reaches it, then residual layers that keep it."""
    channels = first.norm.num_features
    return nn.Sequential(first, *(_Layer(channels, channels, residual=True) for _ in range(residuals)))
