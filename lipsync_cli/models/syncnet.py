"""SyncNet: five frames of a face and 200 ms of sound to 1024 numbers each, close together where they are in sync.

Chung and Zisserman 2016, "Out of time: automated lip sync in the wild", with the layers of the authors' second release,
whose weights are published as `syncnet_v2.model`. The names of the parts are those of that file.
"""

from __future__ import annotations

from torch import Tensor, nn

FRAMES = 5  # pictures of one window
PICTURE_SIZE = 224  # pixels, square
MFCC_STEPS = 20  # of 10 ms: the sound of one window
NUM_MFCC = 13
EMBEDDING_SIZE = 1024


class SyncNet(nn.Module):
    """The two streams; 13,631,616 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_conv2d(1, 64, 3, 1),
            nn.Identity(),  # a pooling of one value in the original: it holds a place in the numbering
            *_conv2d(64, 192, 3, 1),
            nn.MaxPool2d(3, stride=(1, 2)),
            *_conv2d(192, 384, 3, 1),
            *_conv2d(384, 256, 3, 1),
            *_conv2d(256, 256, 3, 1),
            nn.MaxPool2d(3, stride=2),
            *_conv2d(256, 512, (5, 4), 0),
        )
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_conv3d(3, 96, (FRAMES, 7, 7), stride=2),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_conv3d(96, 256, (1, 5, 5), stride=2, padding=1),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
            *_conv3d(256, 256, (1, 3, 3), padding=1),
            *_conv3d(256, 256, (1, 3, 3), padding=1),
            *_conv3d(256, 256, (1, 3, 3), padding=1),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_conv3d(256, 512, (1, 6, 6)),
        )

    def embed_faces(self, faces: Tensor) -> Tensor:
        """Embed pictures.

        Parameters
        ----------
        faces : shape (B, 3, 5, 224, 224), BGR, 0 to 255

        Returns
        -------
        shape (B, 1024), of any length
        """
        return self.netfclip(self.netcnnlip(faces).flatten(1))

    def embed_speech(self, mfcc: Tensor) -> Tensor:
        """Embed sounds: shape (B, 1, 13, 20), as `speech.mfcc` gives them transposed, to (B, 1024)."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))


def _conv2d(channels_in: int, channels: int, kernel: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels, kernel, padding=padding), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _conv3d(
    channels_in: int, channels: int, kernel: tuple[int, int, int], stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    conv = nn.Conv3d(channels_in, channels, kernel, stride=(1, stride, stride), padding=(0, padding, padding))
    return [conv, nn.BatchNorm3d(channels), nn.ReLU(inplace=True)]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, EMBEDDING_SIZE))
