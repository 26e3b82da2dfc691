"""MODEL_CARD.md of a run: what the run itself knows, and what its owner has to add before sharing."""

from __future__ import annotations

import json
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import WeightsHeader
from lipsync_cli.models import kind_of, one_of
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.training.config import TrainConfig
from lipsync_cli.training.engine.run_folder import CARD
from lipsync_cli.training.evaluators.evaluator import Evaluator
from lipsync_cli.training.logging.run_log import read_log


def write_card(folder: Path, header: WeightsHeader, config: TrainConfig, log: Path, evaluator: Evaluator) -> None:
    """Write the model card of a run beside its weights.

    Raises
    ------
    InputError : the log is no log of such a run
    """
    validations = [line for line in read_log(log) if line["kind"] == "validation"]
    quality = ["Nothing was held out, so nothing was measured."]
    if validations:
        try:
            best = max(validations, key=evaluator.rank)
            quality = [f"The best validation, at {best['samples']:,} samples.", *evaluator.tabulate(best)]
        except (LookupError, TypeError, ValueError) as error:
            raise InputError("a validation in it lacks what is measured", log, "name another run folder") from error
    data = header.data
    text = [
        f"# Model card: {folder.name}",
        "",
        f"{header.architecture}, {one_of(kind_of(header.architecture))} trained with recipe `{header.recipe}` on "
        f"{header.samples_seen:,} samples.",
        "",
        "## Training data",
        f"{data['clips']} clips, {data['frames']:,} frames with a face, of the speakers {', '.join(data['speakers'])} "
        f"(pack fingerprint `{data['fingerprint'][:16]}`).",
        "TODO: where the clips are from, under which terms, and that the people shown agreed.",
        "",
        "## Quality",
        *quality,
        "",
        "## Use",
        "For faces of people who agreed to it. Not for impersonation. `lipsync infer` marks every output as synthetic",
        "in its metadata; `lipsync info` reads the mark.",
        "TODO: intended use, and the people or conditions it is known to fail on.",
        "",
        "## Options",
        "```json",
        json.dumps(config.to_dict(), indent=2),
        "```",
        "",
    ]
    with atomic_output(folder / CARD, force=True) as temporary:
        temporary.write_text("\n".join(text))
