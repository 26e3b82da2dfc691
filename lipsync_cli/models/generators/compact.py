"""The compact generator: warps the reference face instead of redrawing it, so that strangers keep their faces.

LipGAN (KR et al. 2019) redraws the lower half of the face with an encoder-decoder; such a network remembers the faces
it was trained on. This one keeps LipGAN's inputs: a reference, the target with its lower half blanked, and speech, as
mel frames or as features that carry over to other voices (`speech.speech_features`). It predicts, for the lower half
only, a flow field that moves the reference's own pixels (Zhou et al. 2016, "View synthesis by appearance flow"), a
patch for what no pixel of the reference shows (the inside of the mouth), and a mask that mixes them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.models.generators.generator_protocols import FaceCoding
from lipsync_cli.models.mel_shape import MEL_SHAPE, check_mel_shape, shrink
from lipsync_cli.models.speech_encoder import FeatureEmbedder

CENTRE_PACE = 0.01  # how fast the centre of the speech embeddings follows the batches
SPEECH_INPUTS = ("mel", "encoder")
FLOW_UNIT = 0.1  # one unit of the flow head moves by a tenth of the crop's side


class FaceCode(NamedTuple):
    """What the decoder takes of B faces: the reference's and the pose's share in each of its four resolutions.

    Attributes
    ----------
    map1, map2 : shape (B, c1, S / 4 + 2, S / 2) and (B, c2, S / 8 + 2, S / 4), the lower halves with a margin
    map3, map4 : shape (B, c3, S / 8, S / 8) and (B, c4, S / 16, S / 16)
    mean, deviation : shape (B, 3, 1, 1), colours of the reference
    """

    map1: Tensor
    map2: Tensor
    map3: Tensor
    map4: Tensor
    mean: Tensor
    deviation: Tensor


class CompactGenerator(nn.Module, FaceCoding):
    """Move the mouth of a reference face to the speech, in the pose of the target.

    The appearance is taken out (each face is normalised by the reference's own colour mean and deviation) and put
    back at the end, and group normalisation keeps one face from meeting another's statistics. The flow starts at
    zero: an untrained generator copies the reference.

    Parameters
    ----------
    size : side S of the square crop in pixels, a multiple of 32
    channels : of the decoder at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution; the encoders have half as many
    audio_dim : length of the speech embedding
    speech : what it hears: "mel", windows (B, 1, M, T), or "encoder", windows (B, 21, 384) of speech features
    mel_shape : bands M and frames T of the windows of mels

    Attributes
    ----------
    speech, mel_shape : as given
    articulation : in evaluation, by how much speech embeddings are moved away from their centre. Above 1 the mouth
        moves more: reconstruction losses teach the middle of all mouths that fit a sound, so what they teach moves less
        than real mouths do
    speech_centre : shape (audio_dim,), running mean of the speech embeddings seen in training; NaN where there is none
    """

    def __init__(
        self,
        size: int = 96,
        channels: tuple[int, int, int, int] = (32, 64, 96, 160),
        audio_dim: int = 192,
        speech: str = "mel",
        mel_shape: Sequence[int] = MEL_SHAPE,
    ) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"the crop's side must be a multiple of 32, not {size}")
        if speech not in SPEECH_INPUTS:
            raise ValueError(f"the speech is one of {', '.join(SPEECH_INPUTS)}, not {speech!r}")
        self.size, self.speech, self.mel_shape = size, speech, check_mel_shape(mel_shape)
        c1, c2, c3, c4 = channels
        (r1, r2, r3, r4), (t1, t2, t3, t4) = ([c // 2 for c in channels] for _ in "rt")
        self.reference_encoder = nn.ModuleList(
            [
                nn.Sequential(_down(3, r1, 5), _Residual(r1)),
                nn.Sequential(_down(r1, r2), _Residual(r2)),
                nn.Sequential(_down(r2, r3), _Residual(r3)),
                nn.Sequential(_down(r3, r4), _Residual(r4)),
            ]
        )
        self.pose_encoder = nn.ModuleList(
            [
                _down(6, t1, 5),
                _down(t1, t2),
                nn.Sequential(_down(t2, t3), _Residual(t3)),
                nn.Sequential(_down(t3, t4), _Residual(t4)),
            ]
        )
        self.audio_encoder = _mel_encoder(audio_dim, mel_shape) if speech == "mel" else FeatureEmbedder(audio_dim)
        self.articulation = 1.0
        self.speech_centre: Tensor
        self.register_buffer("speech_centre", torch.full((audio_dim,), torch.nan))
        self.fuse4 = _Fuse(audio_dim, r4 + t4, c4, audio_dim, face_first=True)
        self.fuse3 = _Fuse(c4, r3 + t3, c3, audio_dim)
        self.fuse2 = _Fuse(c3, r2 + t2, c2, audio_dim)
        self.fuse1 = _Fuse(c2, r1 + t1, c1, audio_dim)
        self.flow_head = _head(c1, [0.0] * 2, deviation=0.0)
        self.paint_head = _head(c1, [0.0] * 12 + [3.0] * 4, deviation=1e-3)  # 4 pixels of (patch RGB, mask)

    def forward(self, reference: Tensor, target: Tensor, speech: Tensor) -> GeneratorResult:
        """Draw the target's frame with the mouth that the speech asks for.

        Parameters
        ----------
        reference : shape (R, 3, S, S), RGB in [0, 1]; each serves B / R targets in a row and is encoded once
        target : shape (B, 3, S, S), RGB in [0, 1]; its lower half is blanked here before anything looks at it
        speech : shape (B, 1, M, T) or (B, 21, 384), see the class

        Returns
        -------
        image (B, 3, S, S), flow (B, 2, S, S) in units of S as (x, y), mask (B, 1, S, S), patch (B, 3, S, S);
        the image's upper half is the target's own, and there flow is zero and mask is one
        """
        return self.join(reference, target, self.move(self.encode_face(reference, target), speech))

    def join(self, reference: Tensor, target: Tensor, moved: tuple[Tensor, Tensor, Tensor]) -> GeneratorResult:
        """Move the reference's pixels and put them below the target's upper half; `moved` is from `move`."""
        half, (flow, mask, patch) = self.size // 2, moved
        warped = warp(_repeat(reference, target.shape[0] // reference.shape[0]), flow, first_row=half)
        lower = mask * warped + (1 - mask) * patch
        pad = (0, 0, half, 0)
        return GeneratorResult(
            image=torch.cat([target[:, :, :half], lower], 2),
            flow=functional.pad(flow, pad),
            mask=functional.pad(mask, pad, value=1.0),
            patch=functional.pad(patch, pad),
        )

    def encode_face(self, reference: Tensor, target: Tensor) -> FaceCode:
        """Compute what does not depend on the speech; arguments as of `forward`."""
        half, share = self.size // 2, target.shape[0] // reference.shape[0]
        deviation, mean = torch.std_mean(reference, dim=(2, 3), keepdim=True)
        deviation = deviation + 0.02
        looks = (reference - mean) / deviation
        features, refs = looks, []
        for encode in self.reference_encoder:
            features = encode(features)
            refs.append(features)
        mean, deviation = _repeat(mean, share), _repeat(deviation, share)
        upper = (target[:, :, :half] - mean) / deviation
        features = self._first_pose(functional.pad(upper, (0, 0, 0, half)), looks, share)
        poses = [features]
        for encode in self.pose_encoder[1:]:
            features = encode(features)
            poses.append(features)
        return FaceCode(
            self.fuse1.join_face(_lower(refs[0], 2), _lower(poses[0], 2)),
            self.fuse2.join_face(_lower(refs[1], 2), _lower(poses[1], 2)),
            self.fuse3.join_face(refs[2], poses[2]),
            self.fuse4.join_face(refs[3], poses[3]),
            mean,
            deviation,
        )

    def move(self, code: FaceCode, speech: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return flow, mask and patch of the lower halves, (B, C, S / 2, S), for the speech; see `forward`.

        Parameters
        ----------
        code : from `encode_face`, of B targets, or of one target for all
        speech : as of `forward`
        """
        return self.draw(code, self.hear(speech))

    def draw(self, code: FaceCode, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `move` does, for a speech embedding (B, audio_dim)."""
        x = self.fuse4(heard[:, :, None, None], code.map4, heard)
        x = self.fuse3(x, code.map3, heard)
        x = self.fuse2(_lower(x, 1), code.map2, heard)
        x = self.fuse1(x[:, :, 1:], code.map1, heard)  # of the margin of 2 rows, doubled, 2 stay
        flow = functional.interpolate(self.flow_head(x), scale_factor=2, mode="bilinear")[:, :, 4:] * FLOW_UNIT
        paint = functional.pixel_shuffle(self.paint_head(x), 2)[:, :, 4:]
        return flow, torch.sigmoid(paint[:, 3:]), paint[:, :3] * code.deviation + code.mean

    def hear(self, speech: Tensor) -> Tensor:
        """Embed the speech, shape (B, audio_dim), as clearly articulated as is asked for."""
        heard: Tensor = self.audio_encoder(speech)
        if self.training:
            self.follow_centre(heard.detach())
        elif self.articulation != 1:  # no branch on what the centre is: torch.export follows none
            moved = torch.lerp(self.speech_centre, heard, self.articulation)
            heard = torch.where(self.speech_centre.isnan(), heard, moved)
        return heard

    def follow_centre(self, heard: Tensor) -> None:
        """Move the centre of the speech embeddings a little towards those of a batch, shape (B, audio_dim)."""
        mean = heard.float().mean(0)
        self.speech_centre.copy_(torch.where(self.speech_centre.isnan(), mean, self.speech_centre))
        self.speech_centre.lerp_(mean, CENTRE_PACE)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        state_dict.setdefault(f"{prefix}speech_centre", torch.full_like(self.speech_centre, torch.nan))  # older weights
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _first_pose(self, upper: Tensor, looks: Tensor, share: int) -> Tensor:
        """Convolve the target's upper half (B, 3, S, S) beside its reference (R, 3, S, S), this once for each."""
        first = self.pose_encoder[0]
        assert isinstance(first, nn.Sequential)
        conv = first[0]
        assert isinstance(conv, nn.Conv2d)
        for_upper, for_looks = conv.weight.split(3, 1)
        x = functional.conv2d(looks, for_looks, stride=conv.stride, padding=conv.padding)
        x = functional.conv2d(upper, for_upper, stride=conv.stride, padding=conv.padding) + _repeat(x, share)
        return first[1:](x)


def _mel_encoder(audio_dim: int, mel_shape: Sequence[int]) -> nn.Sequential:
    """Embed mel windows (B, 1, M, T): shape (B, audio_dim)."""
    rows, columns = shrink(mel_shape, (2, 1), (2, 2), (2, 2), (2, 2))  # 80 x 27 to 5 x 4
    return nn.Sequential(
        _conv(1, 24, (5, 5), (2, 1)),
        _conv(24, 48, 3, 2),
        _conv(48, 96, 3, 2),
        _Residual(96),
        _conv(96, 128, 3, 2),
        nn.Flatten(),
        nn.Linear(128 * rows * columns, audio_dim),
        nn.SiLU(),
    )


def warp(image: Tensor, flow: Tensor, first_row: int = 0) -> Tensor:
    """Sample an image where a flow field points.

    Parameters
    ----------
    image : shape (B, C, S, S)
    flow : shape (B, 2, H, S), displacement as (x, y) in units of S, for the rows `first_row` ... `first_row + H - 1`

    Returns
    -------
    shape (B, C, H, S), bilinear; outside the image its border is repeated
    """
    size, height = image.shape[3], flow.shape[2]
    x = (torch.arange(size, device=flow.device, dtype=flow.dtype) + 0.5) / size
    y = (torch.arange(first_row, first_row + height, device=flow.device, dtype=flow.dtype) + 0.5) / size
    place = torch.stack([x[None, :].expand(height, size), y[:, None].expand(height, size)])
    grid = (2 * (place[None] + flow) - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _repeat(x: Tensor, times: int) -> Tensor:
    return x if times == 1 else x.repeat_interleave(times, 0)


def _up(x: Tensor) -> Tensor:
    """Repeat each pixel 2 x 2 times, as `functional.interpolate` does, but faster in memory of channels last."""
    batch, channels, rows, columns = x.shape
    x = x.permute(0, 2, 3, 1)[:, :, None, :, None].expand(-1, -1, 2, -1, 2, -1)
    return x.reshape(batch, 2 * rows, 2 * columns, channels).permute(0, 3, 1, 2)


def _lower(x: Tensor, margin: int) -> Tensor:
    """Keep the lower half of a feature map and `margin` rows above it."""
    return x[:, :, x.shape[2] // 2 - margin :]


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // 16), channels)


def _conv(channels_in: int, channels: int, kernel: int | tuple[int, int] = 3, stride: int | tuple[int, int] = 1):
    padding = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    conv = nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, _norm(channels), nn.SiLU())


def _down(channels_in: int, channels: int, kernel: int = 3) -> nn.Module:
    return _conv(channels_in, channels, kernel, 2)


def _head(channels_in: int, bias: list[float], deviation: float) -> nn.Conv2d:
    """Return an output layer that begins at `bias`, whatever comes in."""
    conv = nn.Conv2d(channels_in, len(bias), 3, padding=1)
    if deviation:
        nn.init.normal_(conv.weight, std=deviation)
    else:
        nn.init.zeros_(conv.weight)
    conv.bias = nn.Parameter(torch.tensor(bias))
    return conv


class _Residual(nn.Module):
    """Two convolutions and a shortcut; the second starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = _norm(channels)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            _conv(channels, channels), nn.Conv2d(channels, channels, 3, padding=1, bias=False), last
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(x + self.body(x))


class _Fuse(nn.Module):
    """Join feature maps, then let the speech scale and shift them (FiLM, Perez et al. 2018) inside a residual block."""

    def __init__(
        self, channels_in: int, channels_face: int, channels: int, audio_dim: int, face_first: bool = False
    ) -> None:
        super().__init__()
        first = channels_face if face_first else 0
        self._own = slice(first, first + channels_in)  # inputs of `join`
        self._face = slice(0, channels_face) if face_first else slice(channels_in, channels_in + channels_face)
        self.join = nn.Conv2d(channels_in + channels_face, channels, 1, bias=False)
        self.join_norm = _norm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = _norm(channels)
        self.film = nn.Linear(audio_dim, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = _norm(channels)

    def join_face(self, reference: Tensor, pose: Tensor) -> Tensor:
        """Return the share of reference (R, c, h, w) and pose (B, c, h, w) in the joined map.

        A 1 x 1 convolution can be done in parts, and so once for a reference that several poses share.
        """
        for_reference, for_pose = self.join.weight[:, self._face].split([reference.shape[1], pose.shape[1]], 1)
        shared = functional.conv2d(reference, for_reference)
        return functional.conv2d(pose, for_pose) + _repeat(shared, len(pose) // len(shared))

    def forward(self, x: Tensor, joined_face: Tensor, speech: Tensor) -> Tensor:
        """Join x, of the face's height and width, of half of them, or of one pixel, and mix the speech in."""
        x = functional.conv2d(x, self.join.weight[:, self._own])
        x = joined_face + (_up(x) if x.shape[2] * 2 == joined_face.shape[2] else x)
        x = functional.silu(self.join_norm(x))
        scale, shift = self.film(speech)[:, :, None, None].chunk(2, 1)
        y = functional.silu(self.first_norm(self.first(x)) * (1 + scale) + shift)
        return functional.silu(x + self.second_norm(self.second(y)))
