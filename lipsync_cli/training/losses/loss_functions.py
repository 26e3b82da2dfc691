"""The loss terms of the recipes, each a pure function of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from lipsync_cli.metrics.image.reconstruction import SSIM_SIGMA, SSIM_WINDOW

if TYPE_CHECKING:
    from lipsync_cli.models.sync_expert import SyncExpert

Critic = Callable[..., Tensor]

STEEP = 10.0  # a fresh critic of real faces has gradient norms of 2 to 8


def mouth_weights(size: int, region: tuple[int, int, int, int], weight: float, upper: float = 0.0) -> Tensor:
    """Make the weights of the weighted L1: `weight` on the mouth, 1 elsewhere, `upper` on the upper half.

    Parameters
    ----------
    size : side of the crop in pixels
    region : first row, last row + 1, first column, last column + 1 of the mouth
    upper : 0 where the upper half is given and has no error, 1 where it is generated

    Returns
    -------
    shape (1, 1, size, size), mean 1
    """
    weights = torch.full((1, 1, size, size), upper)
    weights[:, :, size // 2 :] = 1.0
    row0, row1, column0, column1 = region
    weights[:, :, max(row0, size // 2) : row1, column0:column1] = weight
    return weights / weights.mean()


def weighted_l1(image: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error; LipGAN's reconstruction loss, with weights the class report's weighted L1.

    Parameters
    ----------
    image, target : shape (B, 3, S, S)
    weights : broadcastable to them, mean 1
    """
    error = (image - target).abs()
    return error.mean() if weights is None else (error * weights).mean()


def dissimilarity(image: Tensor, target: Tensor) -> Tensor:
    """One minus the structural similarity: what the score's SSIM measures, as a loss (Zhao et al. 2016).

    Parameters
    ----------
    image, target : shape (B, C, H, W) in [0, 1], H and W at least 11

    Returns
    -------
    mean over images, channels and the pixels whose 11 x 11 window lies within the image; 0 for equal images
    """
    places = torch.arange(SSIM_WINDOW, device=image.device, dtype=torch.float32) - SSIM_WINDOW // 2
    window = torch.exp(-0.5 * (places / SSIM_SIGMA) ** 2)
    window = window / window.sum()

    def smooth(x: Tensor) -> Tensor:
        planes = x.flatten(0, 1)[:, None]
        rows = functional.conv2d(planes, window[None, None, :, None])
        return functional.conv2d(rows, window[None, None, None, :])

    with torch.autocast(image.device.type, enabled=False):
        image, target = image.float(), target.float()
        mean_x, mean_y = smooth(image), smooth(target)
        energy, cross = smooth(image.square() + target.square()), smooth(image * target)
        means = mean_x.square() + mean_y.square()
        structure = (2 * (cross - mean_x * mean_y) + 0.03**2) / (energy - means + 0.03**2)
        light = (2 * mean_x * mean_y + 0.01**2) / (means + 0.01**2)
        return 1 - (light * structure).mean()


def lost_motion(image: Tensor, target: Tensor, run: int, block: int = 4) -> Tensor:
    """Compare how much generated and real mouths move: the difference of their deviations over a run of frames.

    L1 asks for the middle of all mouths that fit the sound, so what it teaches moves less than the real one. This
    asks for as much movement as the real frames have, without saying where to: matching a statistic instead of each
    sample, as feature matching does (Salimans et al. 2016, section 3.1).

    Parameters
    ----------
    image, target : shape (B, C, H, W); frames i * run ... (i + 1) * run - 1 are of one face
    run : at least 2, divides B
    block : pixels of a block's side; blocks' means are compared, so that noise is not movement

    Returns
    -------
    mean over runs, channels and blocks; 0 where each block moves by as much as the real one
    """

    def spread(x: Tensor) -> Tensor:
        blocks = functional.avg_pool2d(x.float(), block).unflatten(0, (-1, run))
        return (blocks.var(1, correction=0) + 1e-6).sqrt()

    with torch.autocast(image.device.type, enabled=False):
        return (spread(image) - spread(target)).abs().mean()


def choose_among(cosine: Tensor, partner: Tensor, ignored: Tensor, log_temperature: Tensor) -> Tensor:
    """Find the right sound of each face among all sounds, and the right face of each sound: InfoNCE.

    Van den Oord et al. 2018, in the symmetric form of Radford et al. 2021 with a learned temperature; Chung et al.
    2019 ("Perfect match") use it for lip sync.

    Parameters
    ----------
    cosine : shape (B, B), of face i with sound j
    partner : shape (B,), for each face the number of its sound; the identity for sounds too
    ignored : shape (B, B), bool: neither right nor wrong
    log_temperature : logarithm of what the cosines are multiplied with
    """
    logits = (cosine * log_temperature.exp()).masked_fill(ignored, -torch.inf)
    return (functional.cross_entropy(logits, partner) + functional.cross_entropy(logits.T, partner)) / 2


def out_of_sync(expert: SyncExpert, faces: Tensor, mel: Tensor) -> Tensor:
    """Cross-entropy of a sync expert's verdict with "in sync": Wav2Lip's sync loss (Prajwal et al. 2020).

    Parameters
    ----------
    expert : does not learn
    faces : shape (B, 5, 3, S / 2, S), RGB in [0, 1]
    mel : shape (B, 1, 80, 27)
    """
    face, speech = expert(faces, mel)
    return functional.softplus(-expert.logit((face * speech).sum(1))).mean()


def contrastive(distance: Tensor, label: float, margin: float = 2.0) -> Tensor:
    """Pull matching pairs together (label 0), push others at least `margin` apart (label 1).

    Parameters
    ----------
    distance : shape (B,), between two unit vectors, so in [0, 2]
    label : 0 = real face with its own speech, 1 = generated face or mismatched speech

    Notes
    -----
    Hadsell et al. 2006 without the factor 1/2, as in LipGAN's code (KR et al. 2019; margin 1 there, 2 in the thesis).
    Undecided (distance 1 for everything) scores 1 with margin 2.
    """
    pull = distance.square()
    push = (margin - distance).clamp(min=0).square()
    return ((1 - label) * pull + label * push).mean()


def wasserstein(real: Tensor, other: Tensor) -> Tensor:
    """Return the critic's loss, by which its scores tell two distributions apart (Arjovsky et al. 2017, eq. 2).

    Parameters
    ----------
    real, other : shape (B,), scores; the real ones shall be higher

    Returns
    -------
    E[other] - E[real]: below 0 if the critic is right, 0 if it knows nothing; minus this estimates the distance
    """
    return other.mean() - real.mean()


def least_squares(score: Tensor, label: float) -> Tensor:
    """Pull scores to a label (Mao et al. 2017, "Least squares generative adversarial networks", eq. 9).

    Parameters
    ----------
    score : shape (B,)
    label : 1 = real, 0 = not; the generator asks for 1
    """
    return 0.5 * (score - label).square().mean()


def gradient_norms(critic: Critic, real: Sequence[Tensor], other: Sequence[Tensor], share: Tensor) -> Tensor:
    """Measure how steep a critic is on the straight lines between two batches.

    Parameters
    ----------
    critic : what it is given, shape (B, ...) each, to scores of shape (B,); must not mix the samples of a batch
    real, other : its arguments
    share : shape (B,), of the real sample in the point where the gradient is taken, uniform in [0, 1)

    Returns
    -------
    shape (B,), the norm of the gradient by all arguments together; can be differentiated by the critic's parameters
    """
    with torch.enable_grad(), torch.autocast(share.device.type, enabled=False):
        points = []
        for one, two in zip(real, other, strict=True):
            weight = share.view(-1, *[1] * (one.ndim - 1))
            points.append((weight * one + (1 - weight) * two).float().detach().requires_grad_())
        gradients = torch.autograd.grad(critic(*points).sum(), points, create_graph=True)
    return torch.linalg.vector_norm(torch.cat([gradient.flatten(1) for gradient in gradients], 1), dim=1)


def gradient_penalty(critic: Critic, real: Sequence[Tensor], other: Sequence[Tensor], share: Tensor) -> Tensor:
    """Keep a critic's gradient norm at 1: E[(|grad| - 1)^2] of WGAN-GP (Gulrajani et al. 2017, eq. 3, without lambda).

    Arguments as of `gradient_norms`.
    """
    return (gradient_norms(critic, real, other, share) - 1).square().mean()


def lipschitz_penalty(critic: Critic, real: Sequence[Tensor], other: Sequence[Tensor], share: Tensor) -> Tensor:
    """Keep a critic's gradient norm at most 1: E[max(0, |grad| - 1)^2] of WGAN-LP (Petzka et al. 2018, without lambda).

    Arguments as of `gradient_norms`. One-sided: a gradient norm below 1, which a best critic may have, costs
    nothing; the two-sided `gradient_penalty` asks for 1 everywhere on the lines.
    """
    return (gradient_norms(critic, real, other, share) - 1).clamp(min=0).square().mean()


def divergence_penalty(
    critic: Critic, real: Sequence[Tensor], other: Sequence[Tensor], share: Tensor, power: float = 6.0
) -> Tensor:
    """Keep a critic flat: WGAN-div's E[|grad|^p] (Wu et al. 2018, "Wasserstein divergence for GANs", without its k).

    Arguments as of `gradient_norms`. Above `STEEP` the power goes on as its tangent, so that a critic that is steep on
    flat pictures costs much and not infinity.
    """
    steep = gradient_norms(critic, real, other, share)
    usual = steep.clamp(max=STEEP)
    return (usual.pow(power) + power * STEEP ** (power - 1) * (steep - usual)).mean()


def c_transform(scores: Tensor, real: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Give the potential of samples that follows from that of the real ones: min over i of c(x_i, y) - phi(x_i).

    The c-transform over a batch (Mallasto, Montufar and Gerolin 2019, "How well do WGANs estimate the Wasserstein
    metric?"); the cost c is the Euclidean distance of all arguments together.

    Parameters
    ----------
    scores : shape (B,), phi of the real samples
    real, other : their parts, shape (B, ...) each

    Returns
    -------
    shape (B,), of the other samples
    """
    with torch.autocast(scores.device.type, enabled=False):
        one, two = (torch.cat([part.float().flatten(1) for part in parts], 1) for parts in (real, other))
        cost = torch.cdist(one, two, compute_mode="donot_use_mm_for_euclid_dist")
        return (cost - scores.float()[:, None]).min(0).values
