"""What looks wrong in a run's log: mode collapse, a generator that ignores the sound, losses that do not move."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

KIND = "diagnostic"  # of their lines in the log
MIN_SAMPLES = 50_000  # before this nothing is expected of a run
LOOK_BACK = 10  # lines of the log that a verdict on losses rests on
TOLERANCE = 0.05  # of the chance level: a critic this near to it guesses
FLAT = 0.98  # of the first lines: a loss that has not come below this has not moved
COLLAPSED = 0.05  # of the real faces' variation
INSENSITIVE = 0.05  # levels of 255 by which the mouth changes with the speech
MASK = 0.05, 0.97  # mean of a face swap's mask beyond which it is nothing or everything
NO_GAIN_DB = 0.02  # the right speech is worth less than this
_MAY_RISE = ("adversarial", "quality", "gradient_norm")  # terms that do not have to fall


def find_diagnostics(
    lines: list[dict[str, Any]],
    chance_levels: dict[str, float],
    discriminators: Collection[str] = (),
    min_samples: int = MIN_SAMPLES,
) -> dict[str, str]:
    """Look at a log and give the diagnostics that it holds and that are not in it yet.

    Parameters
    ----------
    lines : of the log, oldest first
    chance_levels : what each figure of a discriminator is if it knows nothing
    discriminators : their names; their losses do not have to fall
    min_samples : before this, only a face that is always the same is one

    Returns
    -------
    kind -> what was seen, in one line
    """
    raised = {line["diagnostic"] for line in lines if line["kind"] == KIND}
    training = [line for line in lines if line["kind"] == "train"]
    validations = [line for line in lines if line["kind"] == "validation"]
    found = {"mode_collapse": _mode_collapse(validations) or _one_face(validations), "mask": _trivial_mask(validations)}
    if lines and lines[-1]["samples"] >= min_samples:
        found |= {
            "audio_insensitive": _audio_insensitive(validations),
            "no_sync_gain": _no_sync_gain(validations),
            "identity_not_swapped": _identity_not_swapped(validations),
            "chance_level": _at_chance_level(training, chance_levels),
            "flat_loss": _flat_loss(training, discriminators),
        }
    return {kind: saw for kind, saw in found.items() if saw and kind not in raised}


def _mode_collapse(validations: list[dict[str, Any]]) -> str:
    if not validations or "model/mouth_variation" not in validations[-1]:
        return ""
    generated, real = (validations[-1][f"{row}/mouth_variation"] for row in ("model", "truth"))
    if generated >= COLLAPSED * real:
        return ""
    return (
        f"mode collapse: whatever it is given, the generator gives one mouth (it varies by {generated:.2f} levels "
        f"of 255 over samples, real ones by {real:.2f})"
    )


def _one_face(validations: list[dict[str, Any]]) -> str:
    if not validations or validations[-1].get("swap/variation", 1.0) >= COLLAPSED:
        return ""
    varied = validations[-1]["swap/variation"]
    return f"mode collapse: whatever it is given, a decoder draws one face (it varies by {varied:.3f} of the real ones)"


def _trivial_mask(validations: list[dict[str, Any]]) -> str:
    share = validations[-1].get("swap/mask") if validations else None
    if share is None or MASK[0] < share < MASK[1]:
        return ""
    if share <= MASK[0]:
        return f"the mask is empty (mean {share:.3f}): what is drawn does not show, and no decoder learns to draw"
    return f"the mask is full (mean {share:.3f}): everything is drawn, the background, too"


def _identity_not_swapped(validations: list[dict[str, Any]]) -> str:
    pairs = [(line["swap/to"], line["swap/from"]) for line in validations[-2:] if "swap/to" in line]
    if len(pairs) < 2 or any(to < back for to, back in pairs):
        return ""
    to, back = pairs[-1]
    return f"swapped faces are still whose they were: {to:.2f} from whom they should show, {back:.2f} from the filmed"


def _audio_insensitive(validations: list[dict[str, Any]]) -> str:
    figures = [line.get("model/audio_variation") for line in validations[-2:]]
    if len(figures) < 2 or any(figure is None or figure >= INSENSITIVE for figure in figures):
        return ""
    return f"the generator does not listen: other speech changes the mouth by {figures[-1]:.3f} levels of 255"


def _no_sync_gain(validations: list[dict[str, Any]]) -> str:
    gaps = [line.get("over_wrong_audio_db") for line in validations[-2:]]
    if len(gaps) < 2 or any(gap is None or gap >= NO_GAIN_DB for gap in gaps):
        return ""
    return f"the right speech is worth {gaps[-1]:+.3f} dB over mismatched audio: the mouth does not follow it"


def _at_chance_level(training: list[dict[str, Any]], chance_levels: dict[str, float]) -> str:
    recent = training[-LOOK_BACK:]
    means = {
        name: float(np.mean([line[name] for line in recent if name in line]))
        for name in chance_levels
        if any(name in line for line in recent)
    }
    if len(recent) < LOOK_BACK:
        return ""
    for group in dict.fromkeys(name.partition("/")[0] for name in means):
        own = {name: mean for name, mean in means.items() if name.partition("/")[0] == group}
        level, seen = sum(chance_levels[name] for name in own), sum(own.values())
        if seen >= level - max(TOLERANCE * abs(level), 1e-3):
            told = ", ".join(f"{name} {mean:.3g} (chance {chance_levels[name]:.3g})" for name, mean in own.items())
            return f"the {group} guesses: over the last {LOOK_BACK} lines of the log {told}"
    return ""


def _flat_loss(training: list[dict[str, Any]], discriminators: Collection[str]) -> str:
    if len(training) < 2 * LOOK_BACK:
        return ""
    told = []
    for name in training[0]:
        group, _, term = name.partition("/")
        if group in ("kind", "samples", *discriminators) or "/" in term or term in _MAY_RISE:
            continue
        values = [line[name] for line in training if name in line]
        first, now = float(np.mean(values[:3])), float(np.mean(values[-LOOK_BACK:]))
        if first <= 0 or now < FLAT * first:
            return ""
        told.append(f"{name} began at {first:.4g} and is {now:.4g}")
    return f"nothing is learned: {', '.join(told)}" if told else ""
