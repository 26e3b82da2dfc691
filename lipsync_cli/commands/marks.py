"""The options of `lipsync infer` that say how a film is marked as synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.media.credentials import Identity
    from lipsync_cli.synthesis.marking import Marking

Label = Annotated[bool, typer.Option("--label", help="Burn a small visible label into a corner away from the face.")]
LabelText = Annotated[str, typer.Option("--label-text", help="What the label says.")]
Sidecar = Annotated[
    bool, typer.Option("--sidecar", help="Write OUTPUT.json too: hashes of the inputs, weights and film, the options.")
]
Credentials = Annotated[
    bool, typer.Option("--credentials", help="Sign the film with content credentials (C2PA); needs lipsync-cli[c2pa].")
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        "--certificate", help="Certificate chain (PEM) for --credentials.", show_default="one made for this film"
    ),
]
PrivateKey = Annotated[
    Path | None, typer.Option("--private-key", help="Private key (PEM) of --certificate.", show_default=False)
]
NoMark = Annotated[
    str | None,
    typer.Option(
        "--no-mark",
        metavar="REASON",
        help="Do not mark the film as synthetic; the reason is kept in OUTPUT.json.",
        show_default=False,
    ),
]

# Options that leave no trace in the film, and are not told in its sidecar.
OF_THE_RUN = ("private_key", "json", "quiet", "verbose", "profile", "force", "dry_run")


def chosen_marks(given: dict[str, Any]) -> Marking:
    """Return the marks that a command's options, by their names in Python, ask for."""
    from lipsync_cli.synthesis.marking import Marking

    return Marking(
        given["no_mark"],
        given["label_text"] if given["label"] else None,
        given["sidecar"],
        _identity(given["credentials"], given["certificate"], given["private_key"]),
        {name: value for name, value in given.items() if name not in OF_THE_RUN},
    )


def _identity(credentials: bool, certificate: Path | None, private_key: Path | None) -> Identity | None:
    if (certificate is None) != (private_key is None):
        raise UsageError("--certificate and --private-key go together")
    if not credentials:
        if certificate is not None:
            raise UsageError("--certificate goes with --credentials")
        return None
    from lipsync_cli.media.credentials import make_identity, read_identity

    if certificate is not None and private_key is not None:
        return read_identity(certificate, private_key)
    return make_identity()
