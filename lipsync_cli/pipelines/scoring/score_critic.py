"""How often a run's discriminator is right about pairs of face and speech: what `lipsync score --critic` does.

Examples
--------
run(make(ScoreConfig, sources=["grid.h5"], critic="runs/lipgan")).to_text()
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.config.build import check_values
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.callbacks import Progress
from lipsync_cli.pipelines.configs.guard import keeps_inputs
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.machine.resources import resolve_device

if TYPE_CHECKING:
    from lipsync_cli.training.evaluators.sync_judgement import PairVerdicts

PAIRS = 1000
CHANCE = 0.5
TITLES = {
    "pair_accuracy": "pairs classified correctly",
    "right_accepted": "right pairs accepted",
    "shifted_refused": "sound of the same clip, 6 frames or more away, refused",
    "other_refused": "sound of another clip refused",
    "shifted_ranked": "right pair nearer than one of the same clip",
    "other_ranked": "right pair nearer than one of another clip",
}
_NO_CHANCE = ("right_accepted", "shifted_refused", "other_refused")  # 0 or 1 for who says the same of all pairs
_OTHER_WORK = ("weights", "reference", "output", "report", "table", "boxes", "transcripts")  # options for scoring faces


@dataclass(frozen=True)
class Share:
    """A share of the pairs.

    Attributes
    ----------
    value : in [0, 1]
    low, high : its 95 % confidence interval over clips; None where all are of one clip
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class CriticScore:
    """What was measured.

    Attributes
    ----------
    about : run, recipe, samples, pack, split, pairs, clips, limit: JSON-able
    shares : by the names of `TITLES`
    """

    about: dict[str, Any]
    shares: dict[str, Share]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as a JSON-able dictionary."""
        figures = {
            name: {"share": share.value, "low": share.low, "high": share.high}
            | ({} if name in _NO_CHANCE else {"chance": CHANCE})
            for name, share in self.shares.items()
        }
        return {**self.about, "figures": figures}

    def to_text(self) -> str:
        """Write the figures as a table."""
        about = self.about
        width = max(map(len, TITLES.values())) + 2
        lines = [
            f"discriminator of {about['run']} ({about['recipe']}, {about['samples']} samples)",
            f"{about['pairs']} pairs of {about['clips']} {about['split']} clips of {about['pack']}; half are right",
            "",
            " " * width + f"{'share':>8}{'95 % interval':>20}{'chance':>9}",
        ]
        for name, share in self.shares.items():
            chance = "" if name in _NO_CHANCE else f"{100 * CHANCE:.0f} %"
            interval = "" if share.low is None else f"{100 * share.low:.1f} .. {100 * (share.high or 0):.1f} %"
            lines.append(f"{TITLES[name]:<{width}}{100 * share.value:>6.1f} %{interval:>20}{chance:>9}".rstrip())
        accuracy = self.shares["pair_accuracy"]
        told = [f"in sync: {about['limit_is']}"]
        if accuracy.low is not None and accuracy.low <= CHANCE:
            told.append("the interval holds chance: it cannot be said to tell right pairs from mismatched ones")
        return "\n".join([*lines, "", *told, "interval: bootstrap over the clips of the faces"])


@keeps_inputs
def run(config: ScoreConfig, *, progress: Progress | None = None) -> CriticScore:
    """Measure the discriminator of the run that `critic` names, on pairs of the pack.

    Parameters
    ----------
    progress : told how many pairs are done

    Raises
    ------
    LipsyncError : the options make no sense, or a file cannot be read or does not fit
    """
    pack, folder = _check(config)
    from lipsync_cli.training.evaluators.sync_judgement import classify_pairs

    device = resolve_device(config.device)
    found = classify_pairs(folder, pack, config.split, PAIRS, device, seed=config.seed, progress=progress)
    about = {
        "run": str(folder),
        "recipe": found.recipe,
        "samples": found.samples,
        "pack": pack.name,
        "split": config.split,
        "pairs": len(found.pairs.kind),
        "clips": len(np.unique(found.clip)),
        "seed": config.seed,
        "limit": round(found.limit, 6),
        "limit_is": "nearer than the limit of its loss" if found.is_trained_limit else "the nearer half of the pairs",
    }
    return CriticScore(about, compute_shares(found))


def plan(config: ScoreConfig) -> dict[str, Any]:
    """Say what `run` would measure, JSON-able."""
    pack, folder = _check(config)
    return {"pack": str(pack), "critic": str(folder), "split": config.split, "pairs": PAIRS}


def compute_shares(found: PairVerdicts) -> dict[str, Share]:
    """Reduce verdicts to shares, each with its interval over clips; kinds of pairs that there are none of are left out.

    Shares of pairs that are nearer than others (`..._ranked`) are means over the right pairs.
    """
    from lipsync_cli.metrics.sync_embeddings import OTHER, RIGHT, SHIFTED
    from lipsync_cli.scoring.results.scores import Series, describe

    kind, distance = found.pairs.kind, found.distance
    near, right = distance < found.limit, kind == RIGHT
    values: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "pair_accuracy": (near == right, np.ones(len(kind), bool)),
        "right_accepted": (near[right], right),
    }
    for name, of in (("shifted", SHIFTED), ("other", OTHER)):
        if (kind == of).any():
            values[f"{name}_refused"] = (~near[kind == of], kind == of)
    for name, of in (("shifted", SHIFTED), ("other", OTHER)):
        if (wrong := np.sort(distance[kind == of])).size:
            farther = 1 - np.searchsorted(wrong, distance[right], "right") / wrong.size
            values[f"{name}_ranked"] = (farther, right)
    shares = {}
    for name, (figures, mask) in values.items():
        whole = describe(Series(figures.astype(float), found.clip[mask]))
        low, high = (None if edge is None else round(edge, 4) for edge in (whole.low, whole.high))
        shares[name] = Share(round(whole.mean, 4), low, high)
    return shares


def _check(config: ScoreConfig) -> tuple[Path, Path]:
    """Return the pack and the run folder; raise LipsyncError if the options ask for something else, too."""
    from lipsync_cli.pipelines.scoring.score import is_pack

    check_values(config)
    if given := [name for name in _OTHER_WORK if getattr(config, name) is not None]:
        raise UsageError("--critic measures a discriminator, and no faces", hint=f"leave out --{given[0]}")
    if len(config.sources) > 1 or config.sources[0].is_dir() or not is_pack(config.sources[0]):
        raise UsageError(
            "--critic needs one pack", hint="give what lipsync pack wrote: lipsync score grid.h5 --critic RUN"
        )
    assert config.critic is not None
    return config.sources[0], config.critic
