"""The Wasserstein GANs: one recipe, and a table of the papers by what each changes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lipsync_cli.models.discriminators.pair_discriminator import PairCritic
from lipsync_cli.training.config import LITERAL
from lipsync_cli.training.losses.discriminator_pairs import (
    NEGATIVES,
    REAL,
    Pair,
    choose_pairs,
    compute_both_losses,
    draw_shares,
)
from lipsync_cli.training.losses.loss_functions import (
    c_transform,
    divergence_penalty,
    gradient_penalty,
    least_squares,
    lipschitz_penalty,
    wasserstein,
)
from lipsync_cli.training.losses.reconstruction_terms import Reconstruction
from lipsync_cli.training.losses.thesis_terms import literal_penalty
from lipsync_cli.training.recipes.recipe import Discriminator, GeneratorRecipe

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult
    from lipsync_cli.training.recipes.context import RecipeContext

    Penalty = Callable[[PairCritic, Pair, Pair, Tensor], Tensor]

CRITIC = "critic"
_GRADIENT: tuple[str, Penalty] = ("critic/gradient_penalty", gradient_penalty)
_LIPSCHITZ: tuple[str, Penalty] = ("critic/lipschitz_penalty", lipschitz_penalty)
_DIVERGENCE: tuple[str, Penalty] = ("critic/divergence_penalty", divergence_penalty)


@dataclass(frozen=True)
class Paper:
    """What a paper makes of the Wasserstein GAN.

    Attributes
    ----------
    name : of the recipe
    about : what it is, from which paper, and what is this project's own about it
    score : of the critic, see `PairCritic`: "embedding" as in the thesis, "projection" hears the speech
    objective : what critic and generator do with scores: "difference" of their means (Arjovsky et al. 2017, eq. 2),
        "least squares" labels (Mao et al. 2017, eq. 9), or "c-transform" (Mallasto et al. 2019)
    penalty : name of its term and the function, None for none; times `penalty_weight`
    reconstruction : the generator minimises "none" of it (the adversarial term alone), it "alone", or "both"
    defaults : values of `TrainConfig`, over those that all share
    is_thesis : the thesis prints its formulas
    """

    name: str
    about: str
    score: Literal["embedding", "projection"]
    objective: Literal["difference", "least squares", "c-transform"] = "difference"
    penalty: tuple[str, Penalty] | None = _GRADIENT
    reconstruction: Literal["none", "alone", "both"] = "both"
    defaults: dict[str, Any] = field(default_factory=dict)
    is_thesis: bool = False


PAPERS = (
    Paper(
        "wgan-gp",
        """WGAN-GP as in the thesis: no reconstruction, only a critic whose gradient norm is kept at 1.

        The critic estimates a Wasserstein distance in each step, the generator lowers it in every fifth. Wasserstein
        GAN (Arjovsky et al. 2017, eq. 2) with gradient penalty (Gulrajani et al. 2017, "Improved training of
        Wasserstein GANs", eq. 3), figures of Liljegren and Nordqvist (2021): penalty weight 10, Adam 1e-4 (0.5, 0.9),
        the mean of the critic's 1024 embedding numbers as its score. The generator's loss is -E[score of what it draws]
        and nothing else, so nothing asks for this face rather than any real one; and the score cannot tell whether face
        and speech belong together (see `PairCritic`). The thesis saw it stuck on one face.
        """,
        score="embedding",
        reconstruction="none",
        defaults={"adversarial_weight": 1.0},
        is_thesis=True,
    ),
    Paper(
        "l1wgan-gp",
        """L1WGAN-GP as the thesis words it: the generator minimises L1 alone, in every fifth step; the critic looks on.

        Liljegren and Nordqvist (2021) "used the L1 reconstruction loss as a loss function in the generator". Read
        literally the critic gives the generator no gradient: what is trained is L1 alone, with a fifth of the updates.
        The critic is trained and logged all the same. Who wants it to take part: `l1wgan-gp-adv`.
        """,
        score="embedding",
        reconstruction="alone",
        is_thesis=True,
    ),
    Paper(
        "l1wgan-gp-adv",
        """L1 and a Wasserstein critic that does take part.

        What "L1WGAN-GP" would mean in the sense of pix2pix (Isola et al. 2017, eq. 4), with the critic of Gulrajani et
        al. (2017, eq. 3): the L1 holds the face, and `adversarial_weight` times the critic's score pulls towards real
        pairs. Its score has the inner product of face and speech, without which it could not hear (`PairCritic`). The
        default weight is this project's: a critic of gradient norm 1 pulls with a gradient of norm 1 on a face, the
        mean L1 with one of at most 1 / sqrt(3 S S) = 0.006 at 96 pixels, so that 0.001 makes a sixth of it.
        """,
        score="projection",
        defaults={"adversarial_weight": 0.001},
    ),
    Paper(
        "wgan-lp",
        """WGAN-LP: L1, and a Wasserstein critic whose gradient norm is kept at most 1, not at 1.

        Petzka, Fischer and Lukovnikov (2018, "On the regularization of Wasserstein GANs"): the penalty is one-sided,
        max(0, |gradient| - 1)^2, at points on the lines between right and wrong pairs. The thesis names it
        among its further work as WGAN-LS, by this paper. L1 and weights are those of `l1wgan-gp-adv`, from which it
        differs in the penalty alone.
        """,
        score="projection",
        penalty=_LIPSCHITZ,
        defaults={"adversarial_weight": 0.001},
    ),
    Paper(
        "lsgan-gp",
        """The losses of `lsgan` and the gradient penalty of `wgan-gp`; the critic is ahead by five updates to one.

        Least squares (Mao et al. 2017, eq. 9) with the two-sided penalty of Gulrajani et al. (2017, eq. 3), as Mao et
        al. (2019, "On the effectiveness of least squares generative adversarial networks") have it with another
        penalty in LSGANs-GP. It is in no thesis; runs that say `wgan-ls` were trained with it (`config.OLD_RECIPES`).
        """,
        score="projection",
        objective="least squares",
        defaults={"adversarial_weight": 0.01},
    ),
    Paper(
        "wgan-div",
        """WGAN-div: L1, and a critic that pays k |gradient|^p instead of being held to one gradient norm.

        Wu et al. (2018, "Wasserstein divergence for GANs"), with their k = 2 (`penalty_weight`) and p = 6 and their
        points on the lines between real and wrong pairs. The critic minimises E[wrong] - E[right] + k E[|gradient|^p].
        """,
        score="projection",
        penalty=_DIVERGENCE,
        defaults={"adversarial_weight": 0.001, "penalty_weight": 2.0},
    ),
    Paper(
        "c-wgan",
        """c-transform WGAN: L1, and a Wasserstein distance whose second potential follows from the first.

        Mallasto, Montufar and Gerolin (2019, "How well do WGANs estimate the Wasserstein metric?"): the critic needs no
        penalty, because the cost c itself bounds what it may say, the Euclidean distance of face and mel together. The
        critic scores right pairs only and maximises E[score] + E[score's c-transform at the wrong pairs], which is
        min over the batch of c - score; the generator lowers the transform at what it draws, which pulls each face to
        the real pair that the scores make nearest. They found it the best estimate of the distance and not the best
        generator. The minimum is taken over a batch, so the batch size matters. As long as it lies at a face's own
        target, which is likely because speech differs more than faces do, the scores cancel and the term is the
        distance to that target.
        """,
        score="projection",
        objective="c-transform",
        penalty=None,
        defaults={"adversarial_weight": 0.001},
    ),
)


class Wasserstein(GeneratorRecipe):
    """A Wasserstein critic of face and speech; `paper` says what it scores, what it pays, and what is reconstructed."""

    name: ClassVar[str]
    paper: ClassVar[Paper]
    compares_pairs = True
    n_critic = 5

    def __init__(self, context: RecipeContext) -> None:
        config = context.config
        self.critic = PairCritic(context.size, self.paper.score, config.critic_width, context.mel_shape)
        self.discriminators = {CRITIC: Discriminator(self.critic, self.n_critic)}
        self.reconstruction = Reconstruction(config, context.mouth_region, context.size)
        self.adversarial_weight, self.penalty_weight = config.adversarial_weight, config.penalty_weight
        self.is_literal = config.losses == LITERAL
        self.pair_limit = -0.5 if self.paper.objective == "least squares" else None  # half way between the labels

    @property
    def chance_levels(self) -> dict[str, float]:
        """A critic that knows nothing scores mismatched pairs like right ones, or everything one half."""
        if self.paper.objective == "c-transform":
            return {}  # what its distance is then depends on the faces
        if self.paper.objective == "least squares":
            return dict.fromkeys((REAL, *NEGATIVES), 0.125)
        return dict.fromkeys(NEGATIVES, 0.0)

    def discriminator_losses(
        self, name: str, batch: Batch, output: GeneratorResult, fake_step: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Give the loss of the critic's update, on one kind of mismatched pairs."""
        negative, real, other = choose_pairs(batch, output, fake_step)
        terms = {}
        if self.paper.penalty is not None:
            term, penalty = self.paper.penalty
            if self.is_literal:  # eq. 3.14, whichever pair the coin has chosen
                size = literal_penalty(self.critic, Pair(output.image, batch.mel))
            else:
                size = penalty(self.critic, real, other, draw_shares(real))
            terms[term] = self.penalty_weight * size
        yield {**self._scored(negative, real, other), **terms}

    def observe(self, name: str, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the losses of both negatives on this batch, after the critic's update."""
        return compute_both_losses(batch, output, lambda real, other: self._scored("loss", real, other)["loss"])

    def pair_distance(self, face: Tensor, mel: Tensor) -> Tensor:
        """Give the critic's score, negative, so that less is nearer."""
        return -self.critic(face, mel)

    def network_loss(self, batch: Batch, output: GeneratorResult) -> dict[str, Tensor]:
        """Give the named terms of the generator's loss; their sum is minimised."""
        if self.paper.reconstruction == "none":
            adversarial = self._adversarial(batch, output)
            return {"generator/adversarial": adversarial, **self.reconstruction.warp(batch, output)}
        terms = self.reconstruction(batch, output)
        if self.paper.reconstruction == "both" and self.adversarial_weight:
            terms["generator/adversarial"] = self._adversarial(batch, output)
        return terms

    def _scored(self, negative: str, real: Pair, other: Pair) -> dict[str, Tensor]:
        """Give the terms of the critic that are about its scores."""
        scores = self.critic(*real)
        if self.paper.objective == "c-transform":
            return {negative: -(scores.mean() + c_transform(scores, real, other).mean())}
        if self.paper.objective == "least squares":
            return {
                REAL: least_squares(scores, 1.0),
                negative: least_squares(self.critic(*other), 0.0),
            }
        return {negative: wasserstein(scores, self.critic(*other))}

    def _adversarial(self, batch: Batch, output: GeneratorResult) -> Tensor:
        if self.paper.objective == "c-transform":
            real = Pair(batch.target, batch.mel)
            potential = c_transform(self.critic(*real).detach(), real, Pair(output.image, batch.mel))
            return self.adversarial_weight * potential.mean()
        score = self.critic(output.image, batch.mel)
        if self.paper.objective == "least squares":
            return self.adversarial_weight * least_squares(score, 1.0)
        return -self.adversarial_weight * score.mean()


def _make(paper: Paper) -> type[Wasserstein]:
    """Make the recipe of a paper."""
    defaults = {"learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9, **paper.defaults}
    named = {"__doc__": paper.about, "name": paper.name, "paper": paper, "defaults": defaults}
    named["literal_defaults"] = {} if paper.is_thesis else None
    return type(f"Wasserstein[{paper.name}]", (Wasserstein,), named)


WASSERSTEIN_RECIPES = tuple(_make(paper) for paper in PAPERS)
