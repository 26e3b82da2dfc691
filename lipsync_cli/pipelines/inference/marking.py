"""The marks of a film of `infer`, from the options that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.build import flatten
from lipsync_cli.errors import UsageError
from lipsync_cli.media.video.pipe_output import PipeOutput
from lipsync_cli.pipelines.configs.infer import OF_THE_RUN, InferConfig, MarkingOptions
from lipsync_cli.pipelines.inference.standard_streams import PIPE

if TYPE_CHECKING:
    from lipsync_cli.provenance.c2pa import Identity
    from lipsync_cli.synthesis.rendering.marking import Marking


def chosen_marks(config: InferConfig) -> Marking:
    """Return the marks that the options of `infer` ask for; see `make_marking`."""
    options = {name: value for name, value in flatten(config).items() if name not in OF_THE_RUN}
    holds_tags = config.files.output != PIPE or PipeOutput(1, config.stream.container).holds_tags
    return make_marking(config.marking, options, config.files.keep_metadata, holds_tags)


def make_marking(
    asked: MarkingOptions, options: dict[str, Any], keep_metadata: bool = False, holds_tags: bool = True
) -> Marking:
    """Return the marks that options ask for.

    Parameters
    ----------
    options : of the command, for the sidecar
    keep_metadata : whether the film has the source's title, date and place
    holds_tags : whether there is metadata in what is written

    Raises
    ------
    UsageError : they contradict each other
    """
    from lipsync_cli.synthesis.rendering.marking import Marking

    return Marking(
        asked.no_mark,
        asked.label_text if asked.visible_watermark else None,
        asked.sidecar,
        _identity(asked.credentials, asked.certificate, asked.private_key),
        options,
        keep_metadata,
        holds_tags,
        high=asked.high_watermark,
    )


def _identity(credentials: bool, certificate: Path | None, private_key: Path | None) -> Identity | None:
    if (certificate is None) != (private_key is None):
        raise UsageError("--certificate and --private-key go together")
    if not credentials:
        if certificate is not None:
            raise UsageError("--certificate goes with --credentials")
        return None
    from lipsync_cli.provenance.c2pa import make_identity, read_identity

    if certificate is not None and private_key is not None:
        return read_identity(certificate, private_key)
    return make_identity()
