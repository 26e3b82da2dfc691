"""Whether weights and a pack were made for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.formats.weights import WeightsHeader


def check_mel_window(wanted: int, header: WeightsHeader, path: Path, hint: str) -> None:
    """Raise InputError, with a hint, if a network hears windows of another number of mel frames than is wanted."""
    if header.hears == "mel" and header.mel_window != wanted:
        raise InputError(f"hears windows of {header.mel_window} mel frames, not {wanted}", path, hint)


def check_fits(pack: Pack, header: WeightsHeader, weights: object, hint: str = "") -> None:
    """Raise InputError, with a hint, if the weights were trained on other crops or other mels than the pack holds."""
    from lipsync_cli.faces.crop import check_same

    try:
        check_same(pack.crop_rule, header.crop_rule)
        pack.mel_parameters.check_same(header.mel_parameters)
    except InputError as error:
        hint = hint or f"use {weights} with a pack made like the one they were trained on"
        raise InputError(f"{error.fact} (first the pack's, then the weights')", pack.path, hint) from error
