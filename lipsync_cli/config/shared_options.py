"""Options that mean the same in every command that has them."""

from __future__ import annotations

from typing import Any

from lipsync_cli.config.check_values import ValueProblemError
from lipsync_cli.config.option import option
from lipsync_cli.config.quantities import parse_vtln


def check_device(name: str) -> None:
    """Raise ValueProblemError if this is no name of a device."""
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (":" in name and (kind != "cuda" or not number.isdecimal())):
        raise ValueProblemError(f"no device is called {name!r}", "use auto, cpu, cuda or cuda:N")


def device_option() -> Any:
    """Declare `--device`."""
    return option("auto, cpu, cuda or cuda:N.", "auto", panel="performance", check=check_device)


def jobs_option() -> Any:
    """Declare `--jobs`."""
    return option(
        "Worker processes or threads.",
        None,
        panel="performance",
        names=("-j", "--jobs"),
        least=1,
        shown="one per core",
    )


def force_option() -> Any:
    """Declare `--force`, which no file may set."""
    return option(
        "Overwrite the output if it exists.",
        False,
        panel="input and output",
        names=("-f", "--force"),
        in_file=False,
    )


def audio_track_option(whose: str) -> Any:
    """Declare `--audio-track`, of files that `whose` names."""
    return option(
        f"Which sound of each {whose} counts, of several: a number from 0.",
        None,
        panel="input and output",
        least=0,
        shown="the file's default, or the first that is not silent",
    )


def seed_option(default: int) -> Any:
    """Declare `--seed`."""
    return option("Seed of every random choice.", default, panel="advanced", least=0)


def vtln_option() -> Any:
    """Declare `--vtln`."""
    return option(
        "Vocal tract length normalisation: bring a voice's formants to where those of the voices lie that the weights "
        "know. auto where that makes it clearly more like them, off, or by how much they lie higher, such as 1.1 (a "
        "woman's, for weights that know men).",
        "auto",
        panel="voice",
        check=parse_vtln,
        is_number=True,
    )


def tts_option(panel: str | None = None, names: tuple[str, ...] = ()) -> Any:
    """Declare `--tts`, the speech synthesiser."""
    return option(
        "Speech synthesiser: auto takes espeak-ng, or piper where only that is on PATH; a plug-in's name; or a command "
        "such as 'cmd {text} {out}' (also {voice}, {lang}; without {text} it reads stdin), which no shell reads.",
        "auto",
        panel=panel,
        names=names,
        choices=("auto", "espeak-ng", "piper"),
        other="NAME|COMMAND",
    )


def voice_option(panel: str | None = None) -> Any:
    """Declare `--voice`, who speaks a text."""
    return option(
        "Voice of espeak-ng, such as en-gb; .onnx file of piper.",
        None,
        panel=panel,
        example="en-gb",
        names_file=True,
    )


def lang_option(panel: str | None = None) -> Any:
    """Declare `--lang`, the language of a text."""
    return option("Language of the text, such as de or en-gb.", None, panel=panel, shown="the voice's", example="de")
