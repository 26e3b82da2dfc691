"""Which transforms make a thousand faces and voices of one, by their names."""

from __future__ import annotations

from lipsync_cli.errors import UsageError

FACE = (
    "zoom",
    "flip",
    "warp",
    "colour",
    "monochrome",
    "brightness",
    "contrast",
    "light",
    "blur",
    "grain",
    "pose",
    "texture",
)
VOICE = ("gain", "tilt", "formant", "hiss", "mask")
EXTRA = ("blur", "grain", "pose", "texture", "mask")  # not in the standard set
GROUPS = {"all": FACE + VOICE, "face": FACE, "voice": VOICE}
GROUPS["standard"] = tuple(name for name in GROUPS["all"] if name not in EXTRA)


def parse_transforms(text: str) -> frozenset[str]:
    """Read a list of transforms.

    Parameters
    ----------
    text : names and groups ("all", "face", "voice", "standard") with commas between, from left to right; a minus
        before a name leaves it out: "standard,blur", "all,-flip", "voice"

    Raises
    ------
    UsageError : a name that does not exist
    """
    chosen: set[str] = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        name = word.removeprefix("-")
        if name not in GROUPS and name not in GROUPS["all"]:
            raise UsageError(f"there is no transform {name!r}", hint="use " + ", ".join([*GROUPS, *GROUPS["all"]]))
        names = GROUPS.get(name, (name,))
        chosen = chosen.difference(names) if word.startswith("-") else chosen.union(names)
    return frozenset(chosen)
