"""Every mark of a film, looked for and verified: what is there, and what has been lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.provenance.audio_watermark import HIGH_BAND, SPEECH_BAND, Band, find_mark, has_high_room
from lipsync_cli.provenance.c2pa import read_credentials
from lipsync_cli.provenance.metadata import read_marks
from lipsync_cli.provenance.sidecar import read_sidecar

ALWAYS = ("metadata", "sound")  # marks that `infer` makes where nothing else is asked for
LABEL = "no program can read it: look at the video"


def verify_marks(path: str | Path) -> dict[str, Any]:
    """Verify the marks of a film, a sound or a photo.

    Returns
    -------
    what `read_marks` finds in the metadata, with `synthetic` True if any mark says so, and one dictionary each for
    `metadata`, `sound`, `sound_high` (above hearing), `credentials` and `sidecar`; `survived` names those that say so,
    `lost` those that every video of `infer` has and that say nothing any more, if another does; `label` is a sentence

    Raises
    ------
    InputError : the file cannot be read
    """
    found: dict[str, Any] = read_marks(path)
    metadata = {"found": found["synthetic"]}
    credentials, sidecar = read_credentials(path), read_sidecar(path)
    sound, high = _sound(path, SPEECH_BAND), _sound(path, HIGH_BAND)
    by_credentials = bool(credentials.get("intact")) and bool(credentials.get("synthetic"))
    by_sidecar = bool(sidecar.get("matches"))
    says = {
        "metadata": metadata["found"],
        "sound": sound["found"],
        "sound_high": high["found"],
        "credentials": by_credentials,
        "sidecar": by_sidecar,
    }
    survived = [name for name, so in says.items() if so]
    found["synthetic"] = bool(survived)
    found["survived"] = survived
    found["lost"] = [name for name in ALWAYS if survived and says[name] is False]
    verified = {
        "metadata": metadata,
        "sound": sound,
        "sound_high": high,
        "credentials": credentials,
        "sidecar": sidecar,
    }
    return found | verified | {"label": LABEL}


def _sound(path: str | Path, band: Band) -> dict[str, Any]:
    audio = probe(path).audio
    if audio is None:
        return {"found": None, "fact": "there is no sound"}
    if band is HIGH_BAND and not has_high_room(audio.sample_rate):
        return {"found": None, "fact": f"{audio.sample_rate} samples a second have no room for it"}
    try:
        mark = find_mark(path, band)
    except InputError as error:
        return {"found": None, "fact": error.fact}
    return {"found": mark.found, "score": round(mark.score, 2), "threshold": round(mark.threshold, 2)}
